// Package elftest makes small ELF files for the tests of what reads them.
package elftest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// File is what a file is to hold. It is for amd64.
type File struct {
	Interp  string // program interpreter; "" makes no PT_INTERP
	Note    []byte // contents of a PT_NOTE; nil makes none
	ModInfo []byte // contents of a section .modinfo; nil makes none
}

// PVHNote is the note by which a kernel says that it has a PVH entry.
func PVHNote() []byte {
	var b []byte
	for _, word := range []uint32{4, 4, 18} { // sizes of name and value, XEN_ELFNOTE_PHYS32_ENTRY
		b = binary.LittleEndian.AppendUint32(b, word)
	}
	return append(append(b, "Xen\x00"...), 0, 0, 0, 1)
}

// Bytes gives the file.
func (f File) Bytes() []byte {
	const header, progSize, sectSize = 64, 56, 64
	type part struct {
		prog elf.ProgType
		sect uint32 // offset of its name; 0 for none
		data []byte
	}
	names := "\x00.modinfo\x00.shstrtab\x00"
	var parts []part
	if f.Interp != "" {
		parts = append(parts, part{prog: elf.PT_INTERP, data: append([]byte(f.Interp), 0)})
	}
	if f.Note != nil {
		parts = append(parts, part{prog: elf.PT_NOTE, data: f.Note})
	}
	if f.ModInfo != nil {
		parts = append(parts, part{sect: 1, data: f.ModInfo})
	}
	parts = append(parts, part{sect: 10, data: []byte(names)})

	var progs []elf.Prog64
	sects := []elf.Section64{{}}
	progCount := 0
	for _, p := range parts {
		if p.prog != 0 {
			progCount++
		}
	}
	at := uint64(header + progCount*progSize)
	var data []byte
	for _, p := range parts {
		size := uint64(len(p.data))
		if p.prog != 0 {
			progs = append(progs, elf.Prog64{Type: uint32(p.prog), Off: at, Filesz: size, Memsz: size})
		}
		if p.sect != 0 {
			kind := elf.SHT_PROGBITS
			if p.sect == 10 {
				kind = elf.SHT_STRTAB
			}
			sects = append(sects, elf.Section64{Name: p.sect, Type: uint32(kind), Off: at, Size: size, Addralign: 1})
		}
		data = append(data, p.data...)
		at += size
	}
	h := elf.Header64{
		Ident:     [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:      uint16(elf.ET_EXEC),
		Machine:   uint16(elf.EM_X86_64),
		Version:   uint32(elf.EV_CURRENT),
		Phoff:     header,
		Shoff:     at,
		Ehsize:    header,
		Phentsize: progSize,
		Phnum:     uint16(len(progs)),
		Shentsize: sectSize,
		Shnum:     uint16(len(sects)),
		Shstrndx:  uint16(len(sects) - 1),
	}
	if len(progs) == 0 {
		h.Phoff = 0
	}
	var b bytes.Buffer
	// Writing fixed-size values to memory cannot fail.
	_ = binary.Write(&b, binary.LittleEndian, h)
	_ = binary.Write(&b, binary.LittleEndian, progs)
	b.Write(data)
	_ = binary.Write(&b, binary.LittleEndian, sects)
	return b.Bytes()
}
