package table

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// The programs' stack, from the frame pointer down, as far as the parts here use
// it. What is below StackEnd is a program's own.
const (
	AtKey    = int16(-24)  // Frontend
	AtSlot   = int16(-28)  // a slot's number
	AtChosen = int16(-48)  // Endpoint
	AtSticky = int16(-80)  // key of stickies
	atStuck  = int16(-112) // value of stickies
	atMember = int16(-136) // Member
	StackEnd = int16(-136)
)

// Program is one in the making, for packets or sockets of one family.
//
// Its parts share registers: R6 is the context, R7 the number of endpoints to choose
// from, R8 the Target and R9 what the program wants to keep.
type Program struct {
	Six  bool
	Code asm.Instructions
	next string // the name of the instruction that comes next
}

// Add appends instructions.
func (p *Program) Add(ins ...asm.Instruction) {
	if p.next != "" {
		ins[0], p.next = ins[0].WithSymbol(p.next), ""
	}
	p.Code = append(p.Code, ins...)
}

// Load appends a load from memory.
func (p *Program) Load(to, from asm.Register, off int16, size asm.Size) {
	p.Add(asm.LoadMem(to, from, off, size))
}

// Label names the next instruction.
func (p *Program) Label(name string) { p.next = name }

// Arg leaves the address of a place on the stack in a register.
func (p *Program) Arg(to asm.Register, at int16) {
	p.Add(asm.Mov.Reg(to, asm.RFP), asm.Add.Imm(to, int32(at)))
}

// Lookup leaves the value's address, or 0, in R0.
func (p *Program) Lookup(m *ebpf.Map, key int16) {
	p.Add(asm.LoadMapPtr(asm.R1, m.FD()))
	p.Arg(asm.R2, key)
	p.Add(asm.FnMapLookupElem.Call())
}

// Update writes an element whose key and value are on the stack.
func (p *Program) Update(m *ebpf.Map, key, value int16, flags ebpf.MapUpdateFlags) {
	p.Add(asm.LoadMapPtr(asm.R1, m.FD()))
	p.Arg(asm.R2, key)
	p.Arg(asm.R3, value)
	p.Add(asm.Mov.Imm(asm.R4, int32(flags)), asm.FnMapUpdateElem.Call())
}

// Zero clears whole words of the stack.
func (p *Program) Zero(at int16, size int) {
	for i := int16(0); i < int16(size); i += 4 {
		p.Add(asm.StoreImm(asm.RFP, at+i, 0, asm.Word))
	}
}

// Copy copies whole words to the stack.
func (p *Program) Copy(from asm.Register, off, to int16, size int) {
	for i := int16(0); i < int16(size); i += 4 {
		p.Load(asm.R1, from, off+i, asm.Word)
		p.Add(asm.StoreMem(asm.RFP, to+i, asm.R1, asm.Word))
	}
}

// ReadAddr copies an address of the program's family to the stack, from where the
// family's own form of it is.
func (p *Program) ReadAddr(from asm.Register, ip4, ip6, to int16) {
	if p.Six {
		p.Copy(from, ip6, to, 16)
		return
	}
	p.Zero(to, 8)
	p.Add(asm.StoreImm(asm.RFP, to+8, int64(Word([]byte{0, 0, 0xff, 0xff})), asm.Word))
	p.Load(asm.R1, from, ip4, asm.Word)
	p.Add(asm.StoreMem(asm.RFP, to+MappedAddrWords, asm.R1, asm.Word))
}

// Word is what four bytes are to an instruction that takes a word at once.
func Word(b []byte) int32 { return int32(binary.NativeEndian.Uint32(b)) }

// Find looks for the target of the Frontend at AtKey, and leaves it in R8. What is no
// frontend goes to the label pass.
func (p *Program) Find(t *Tables, pass string) {
	// An element that was given to another key leads to that key's slot, once.
	for _, otherwise := range []string{"again", pass} {
		start := len(p.Code)
		p.Lookup(t.services, AtKey)
		p.Add(asm.JEq.Imm(asm.R0, 0, pass))
		p.Load(asm.R1, asm.R0, 0, asm.Word)
		p.Add(asm.StoreMem(asm.RFP, AtSlot, asm.R1, asm.Word))
		p.Lookup(t.frontends, AtSlot)
		p.Add(asm.JEq.Imm(asm.R0, 0, otherwise))
		for off := int16(0); off < int16(FrontendSize); off += 4 {
			p.Load(asm.R1, asm.R0, off, asm.Word)
			p.Load(asm.R2, asm.RFP, AtKey+off, asm.Word)
			p.Add(asm.JNE.Reg(asm.R1, asm.R2, otherwise))
		}
		if otherwise == "again" {
			p.Add(asm.Ja.Label("found"))
		} else {
			p.Code[start] = p.Code[start].WithSymbol("again")
		}
	}
	p.Add(asm.Mov.Reg(asm.R8, asm.R0).WithSymbol("found"))
}

// Recall looks for what the client at AtSticky was given before: an endpoint that is
// still a member, not too long ago. That is then at AtChosen, and the label remember is
// next; otherwise it is choose. AtSticky wants a client's namespace and address.
func (p *Program) Recall(t *Tables, stickies *ebpf.Map) {
	p.Load(asm.R1, asm.R8, TargetIdentity, asm.Word)
	p.Add(
		asm.StoreMem(asm.RFP, AtSticky+24, asm.R1, asm.Word),
		asm.StoreImm(asm.RFP, AtSticky+28, 0, asm.Word),
	)
	p.Lookup(stickies, AtSticky)
	p.Add(asm.JEq.Imm(asm.R0, 0, "choose"))
	// A copy: what is checked must be what is used.
	p.Load(asm.R1, asm.R0, 0, asm.DWord)
	p.Add(asm.StoreMem(asm.RFP, atStuck, asm.R1, asm.DWord))
	p.Copy(asm.R0, 8, AtChosen, EndpointSize)
	p.Add(asm.FnKtimeGetNs.Call())
	p.Load(asm.R1, asm.RFP, atStuck, asm.DWord)
	p.Add(asm.Sub.Reg(asm.R0, asm.R1))
	p.Load(asm.R1, asm.R8, TargetTimeout, asm.DWord)
	p.Add(asm.JGT.Reg(asm.R0, asm.R1, "choose"))
	p.Member(t, asm.RFP, AtChosen)
	p.Add(asm.JNE.Imm(asm.R0, 0, "remember"))
}

// Remember notes, or notes again, that the client at AtSticky has AtChosen.
func (p *Program) Remember(stickies *ebpf.Map) {
	p.Add(asm.FnKtimeGetNs.Call().WithSymbol("remember"))
	p.Add(asm.StoreMem(asm.RFP, atStuck, asm.R0, asm.DWord), asm.StoreImm(asm.RFP, atStuck+28, 0, asm.Word))
	p.Copy(asm.RFP, AtChosen, atStuck+8, EndpointSize)
	p.Update(stickies, AtSticky, atStuck, ebpf.UpdateAny)
}

// Member leaves in R0 whether an endpoint, which is at from+off, is one of the target's
// ServicePort: an address, or 0.
func (p *Program) Member(t *Tables, from asm.Register, off int16) {
	p.Copy(from, off, atMember, EndpointSize)
	p.Load(asm.R1, asm.R8, TargetIdentity, asm.Word)
	p.Add(asm.StoreMem(asm.RFP, atMember+memberIdentity, asm.R1, asm.Word))
	p.Lookup(t.members, atMember)
}

// Random chooses one of R7 endpoints of a list, which is at from+off, and leaves it at
// AtChosen.
func (p *Program) Random(t *Tables, from asm.Register, off int16, none string) {
	p.Add(asm.FnGetPrandomU32.Call())
	p.Add(asm.Mod.Reg32(asm.R0, asm.R7))
	p.take(t, from, off, none)
}

// Maglev chooses by the lookup table of a list, which is at from+off, and a hash in R0,
// and leaves the endpoint at AtChosen.
func (p *Program) Maglev(t *Tables, from asm.Register, off int16, none string) {
	p.Load(asm.R1, from, off+ListTableSize, asm.Word)
	p.Add(asm.Mod.Reg32(asm.R0, asm.R1), asm.Mov.Reg(asm.R7, asm.R0), asm.RSh.Imm(asm.R0, 5))
	p.Load(asm.R1, from, off+ListTable, asm.Word)
	p.Add(asm.Add.Reg32(asm.R0, asm.R1), asm.StoreMem(asm.RFP, AtSlot, asm.R0, asm.Word))
	p.Lookup(t.blocks, AtSlot)
	p.Add(
		asm.JEq.Imm(asm.R0, 0, none),
		asm.And.Imm(asm.R7, BlockSize-1), asm.LSh.Imm(asm.R7, 1), asm.Add.Reg(asm.R0, asm.R7),
	)
	p.Load(asm.R0, asm.R0, 0, asm.Half)
	p.take(t, from, off, none)
}

// take copies the endpoint of number R0 in a list.
func (p *Program) take(t *Tables, from asm.Register, off int16, none string) {
	p.Load(asm.R1, from, off+ListFirst, asm.Word)
	p.Add(asm.Add.Reg32(asm.R0, asm.R1), asm.StoreMem(asm.RFP, AtSlot, asm.R0, asm.Word))
	p.Lookup(t.endpoints, AtSlot)
	p.Add(asm.JEq.Imm(asm.R0, 0, none))
	p.Copy(asm.R0, 0, AtChosen, EndpointSize)
}

// Within leaves in R0 whether the address at addr is in one of the ranges of the target
// that Find has just found, or 0. It uses the place of a sticky client.
func (p *Program) Within(t *Tables, addr int16) {
	p.Add(asm.StoreImm(asm.RFP, AtSticky, int64(rangeSize-4)*8, asm.Word))
	p.Load(asm.R1, asm.RFP, AtSlot, asm.Word)
	p.Add(asm.StoreMem(asm.RFP, AtSticky+4, asm.R1, asm.Word))
	p.Copy(asm.RFP, addr, AtSticky+8, 16)
	p.Lookup(t.ranges, AtSticky)
}

// NewStickies makes the map of clients with an affinity, for both kinds of programs;
// the oldest of too many go first.
func NewStickies() (*ebpf.Map, error) {
	const most = 65536
	return NewMap("sticky", ebpf.LRUHash, stickySize, stuckSize, most)
}

// LoadProgram has the kernel verify a program. Its refusal has the verifier's log.
func LoadProgram(name string, spec ebpf.ProgramSpec, code asm.Instructions) (*ebpf.Program, error) {
	spec.Name, spec.Instructions, spec.License = "svcmark_"+name[:min(len(name), 7)], code, "GPL"
	p, err := ebpf.NewProgram(&spec)
	if refused := (*ebpf.VerifierError)(nil); errors.As(err, &refused) {
		return nil, fmt.Errorf("loading the program of %s: %w\n%s", name, err, strings.Join(refused.Log, "\n"))
	}
	if err != nil {
		return nil, fmt.Errorf("loading the program of %s: %w", name, err)
	}
	return p, nil
}
