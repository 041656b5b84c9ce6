// Package kernel finds the kernel that the vm lab boots, and its modules: one
// that is named, one from the user's cache, one from the distribution's
// archive, or one that this machine has installed.
package kernel

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// Image is a kernel's bytes.
type Image struct {
	// ELF is the uncompressed kernel, when QEMU can enter it directly (PVH).
	// It is nil when the kernel has no such entry or is packed in a way that we
	// do not unpack; it then boots as it is, and unpacks itself.
	ELF []byte
	Raw []byte // the file
	// Version is the kernel's own: "6.1.0-56-cloud-amd64 (…) #1 SMP …".
	Version string
	// Note says why there is no ELF, "" when there is.
	Note string
}

// Boot is what QEMU is given.
func (i *Image) Boot() []byte {
	if i.ELF != nil {
		return i.ELF
	}
	return i.Raw
}

// ReadImage reads a vmlinuz (bzImage) or a vmlinux (ELF).
func ReadImage(path string) (*Image, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the kernel: %w", err)
	}
	img, err := ParseImage(raw)
	if err != nil {
		return nil, fmt.Errorf("the kernel %s: %w", path, err)
	}
	return img, nil
}

// ParseImage is ReadImage for bytes. The Image keeps raw.
func ParseImage(raw []byte) (*Image, error) {
	if bytes.HasPrefix(raw, []byte(elf.ELFMAG)) {
		img := &Image{Raw: raw, Version: banner(raw)}
		if err := checkPVH(raw); err != nil {
			return nil, err // QEMU boots no other ELF on this machine
		}
		img.ELF = raw
		return img, nil
	}
	payload, version, err := parseBzImage(raw)
	if err != nil {
		return nil, err
	}
	img := &Image{Raw: raw, Version: version}
	img.ELF, err = unpackPayload(payload)
	if err == nil {
		err = checkPVH(img.ELF)
	}
	if err != nil {
		img.ELF, img.Note = nil, err.Error()
	}
	return img, nil
}

// parseBzImage finds the compressed kernel in a bzImage, and the version that
// the set-up code carries. Offsets: Documentation/arch/x86/boot.rst.
func parseBzImage(raw []byte) (payload []byte, version string, err error) {
	const (
		setupSects     = 0x1f1
		magic          = 0x202
		protocol       = 0x206
		kernelVersion  = 0x20e
		payloadOffset  = 0x248
		payloadLength  = 0x24c
		headerEnd      = 0x250
		sector         = 512
		payloadSupport = 0x208 // the protocol that brought the payload's fields
	)
	le := binary.LittleEndian
	if len(raw) < headerEnd || string(raw[magic:magic+4]) != "HdrS" {
		return nil, "", errors.New("neither an ELF file nor an x86 bzImage")
	}
	if p := le.Uint16(raw[protocol:]); p < payloadSupport {
		return nil, "", fmt.Errorf("boot protocol %#x is too old", p)
	}
	if at := int(le.Uint16(raw[kernelVersion:])); at != 0 && at+sector < len(raw) {
		v, _, ok := bytes.Cut(raw[at+sector:], []byte{0})
		if ok && len(v) < 1024 {
			version = string(v)
		}
	}
	sects := uint64(raw[setupSects])
	if sects == 0 {
		sects = 4
	}
	from := (sects+1)*sector + uint64(le.Uint32(raw[payloadOffset:]))
	length := uint64(le.Uint32(raw[payloadLength:]))
	if length < 8 || from+length > uint64(len(raw)) {
		return nil, "", errors.New("the bzImage is cut off")
	}
	return raw[from : from+length], version, nil
}

// checkPVH reports whether an ELF kernel has the Xen note with the 32-bit
// entry point, which is how QEMU enters an ELF kernel.
func checkPVH(kernel []byte) error {
	const physEntry = 18 // XEN_ELFNOTE_PHYS32_ENTRY of xen/interface/elfnote.h
	f, err := elf.NewFile(bytes.NewReader(kernel))
	if err != nil {
		return fmt.Errorf("the kernel's ELF: %w", err)
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_NOTE || p.Filesz > 1<<20 {
			continue
		}
		b := make([]byte, p.Filesz)
		if _, err := p.ReadAt(b, 0); err != nil {
			return fmt.Errorf("the kernel's ELF notes: %w", err)
		}
		for len(b) >= 12 {
			name := uint64(f.ByteOrder.Uint32(b))
			desc := uint64(f.ByteOrder.Uint32(b[4:]))
			kind := f.ByteOrder.Uint32(b[8:])
			size := 12 + align4(name) + align4(desc)
			if size > uint64(len(b)) {
				break
			}
			if kind == physEntry && string(b[12:12+name]) == "Xen\x00" {
				return nil
			}
			b = b[size:]
		}
	}
	return errors.New("the kernel has no PVH entry (CONFIG_PVH)")
}

func align4(n uint64) uint64 { return (n + 3) &^ 3 }

// banner finds an uncompressed kernel's version in its text.
func banner(kernel []byte) string {
	const prefix = "Linux version "
	i := bytes.Index(kernel, []byte(prefix))
	if i < 0 {
		return ""
	}
	line := kernel[i+len(prefix):]
	if end := bytes.IndexAny(line[:min(len(line), 512)], "\n\x00"); end >= 0 {
		return string(line[:end])
	}
	return ""
}
