package kernel

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"

	"github.com/svcmark/svcmark/lab/vm/elftest"
)

// bzImage makes a kernel file around a compressed payload.
func bzImage(payload []byte) []byte {
	const set = 5 * 512
	b := make([]byte, set, set+len(payload))
	b[0x1f1] = 4
	copy(b[0x202:], "HdrS")
	binary.LittleEndian.PutUint16(b[0x206:], 0x20f)
	binary.LittleEndian.PutUint16(b[0x20e:], 0x400)
	copy(b[0x600:], "6.1.0-9-cloud (x@y) #1 SMP\x00")
	binary.LittleEndian.PutUint32(b[0x24c:], uint32(len(payload)))
	return append(b, payload...)
}

// compress gives what a kernel's build makes of its ELF.
func compress(t testing.TB, format string, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	var err error
	switch format {
	case "gzip":
		w = gzip.NewWriter(&out)
	case "lz4":
		lw := lz4.NewWriter(&out)
		err = lw.Apply(lz4.LegacyOption(true))
		w = lw
	case "zstd":
		w, err = zstd.NewWriter(&out)
	case "xz":
		w, err = xz.NewWriter(&out)
	default:
		return b
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if format != "gzip" { // whose trailer is the size
		return binary.LittleEndian.AppendUint32(out.Bytes(), uint32(len(b)))
	}
	return out.Bytes()
}

func TestParseImage(t *testing.T) {
	vmlinux := elftest.File{Note: elftest.PVHNote()}.Bytes()
	for _, format := range []string{"gzip", "lz4", "zstd", "xz"} {
		img, err := ParseImage(bzImage(compress(t, format, vmlinux)))
		if err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		if !bytes.Equal(img.ELF, vmlinux) || img.Version != "6.1.0-9-cloud (x@y) #1 SMP" {
			t.Errorf("%s: %d bytes, version %q, note %q", format, len(img.ELF), img.Version, img.Note)
		}
	}
	raw := append(vmlinux, "\x00Linux version 6.2.0 (me) #1\n\x00"...)
	img, err := ParseImage(raw)
	if err != nil || !bytes.Equal(img.Boot(), raw) || img.Version != "6.2.0 (me) #1" {
		t.Errorf("vmlinux: version %q, error %v", img.Version, err)
	}
}

// A kernel that we cannot take apart still boots as it is.
func TestParseImageFallsBack(t *testing.T) {
	vmlinux := elftest.File{Note: elftest.PVHNote()}.Bytes()
	whole := compress(t, "zstd", vmlinux)
	short := bytes.Clone(whole)
	short[len(short)-4]++ // it says that it has a byte more
	for note, payload := range map[string][]byte{
		"no PVH entry":                     compress(t, "gzip", elftest.File{}.Bytes()),
		"unknown way (it begins with 01 0": {1, 2, 3, 4, 5, 6, 7, 8},
		"unpacking the zstd kernel":        append(bytes.Clone(whole[:len(whole)/2]), whole[len(whole)-4:]...),
		"unpacked and has":                 short,
	} {
		raw := bzImage(payload)
		img, err := ParseImage(raw)
		if err != nil || img.ELF != nil || !bytes.Equal(img.Boot(), raw) || !strings.Contains(img.Note, note) {
			t.Errorf("want the note %q, got %+v, error %v", note, img, err)
		}
	}
}

func TestParseImageRefuses(t *testing.T) {
	whole := bzImage(compress(t, "gzip", elftest.File{Note: elftest.PVHNote()}.Bytes()))
	for want, raw := range map[string][]byte{
		"neither an ELF file nor": []byte("#!/bin/sh\n"),
		"cut off":                 whole[:len(whole)-1],
		"no PVH entry":            elftest.File{}.Bytes(),
	} {
		if _, err := ParseImage(raw); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func FuzzParseImage(f *testing.F) {
	vmlinux := elftest.File{Note: elftest.PVHNote()}.Bytes()
	f.Add(vmlinux)
	for _, format := range []string{"gzip", "lz4", "zstd", "xz"} {
		f.Add(bzImage(compress(f, format, vmlinux)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if img, err := ParseImage(b); err == nil && img.ELF == nil && img.Note == "" {
			t.Error("neither a kernel nor a reason")
		}
	})
}
