package kernel

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// A format is a way in which kernels and modules are compressed.
type format struct {
	name  string
	magic string
	open  func(io.Reader) (io.Reader, error)
}

// formats are what we unpack. xz kernels are not among what works: they pass
// through an x86 filter first, which the library does not undo; xz modules do.
func formats() []format {
	return []format{
		{"lz4", "\x02\x21\x4c\x18", func(r io.Reader) (io.Reader, error) { return lz4.NewReader(r), nil }},
		{"gzip", "\x1f\x8b", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
		{"zstd", "\x28\xb5\x2f\xfd", func(r io.Reader) (io.Reader, error) {
			return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(1<<27))
		}},
		{"xz", "\xfd7zXZ\x00", func(r io.Reader) (io.Reader, error) { return xz.NewReader(r) }},
	}
}

func formatOf(b []byte) (format, bool) {
	for _, f := range formats() {
		if bytes.HasPrefix(b, []byte(f.magic)) {
			return f, true
		}
	}
	return format{}, false
}

const (
	maxKernel = 512 << 20
	maxModule = 64 << 20
)

// unpackPayload unpacks a bzImage's kernel. Its last four bytes are the size
// unpacked: gzip's own trailer, and appended by the kernel's build for the other
// formats (scripts/Makefile.lib, size_append).
func unpackPayload(payload []byte) ([]byte, error) {
	f, ok := formatOf(payload)
	if !ok {
		return nil, fmt.Errorf("the kernel is compressed in an unknown way (it begins with % x)", payload[:min(4, len(payload))])
	}
	size := int64(binary.LittleEndian.Uint32(payload[len(payload)-4:]))
	if size == 0 || size > maxKernel {
		return nil, fmt.Errorf("the kernel says that it has %d bytes unpacked", size)
	}
	if f.name != "gzip" {
		payload = payload[:len(payload)-4]
	}
	b, err := unpack(f, payload, size)
	if err != nil {
		return nil, fmt.Errorf("unpacking the %s kernel: %w", f.name, err)
	}
	if int64(len(b)) != size {
		return nil, fmt.Errorf("the kernel says that it has %d bytes unpacked and has %d", size, len(b))
	}
	return b, nil
}

// unpackModule gives a module's ELF, however its file is compressed.
func unpackModule(b []byte) ([]byte, error) {
	f, ok := formatOf(b)
	if !ok {
		return b, nil
	}
	return unpack(f, b, maxModule)
}

func unpack(f format, b []byte, limit int64) ([]byte, error) {
	r, err := f.open(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	if d, ok := r.(*zstd.Decoder); ok {
		defer d.Close()
	}
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, errors.New("it is larger than it says or than it may be")
	}
	return out.Bytes(), nil
}
