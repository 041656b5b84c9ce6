package ebpf

import (
	"encoding/binary"

	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// Offsets in struct bpf_sock_addr and struct bpf_sock (include/uapi/linux/bpf.h).
const (
	ctxIP4      = 4
	ctxIP6      = 8
	ctxPort     = 24
	ctxProtocol = 36
	ctxSock     = 64
	sockIP4     = 24
	sockIP6     = 28
)

// The programs' stack, from the frame pointer down.
const (
	atKey    = int16(-24)  // frontend
	atSlot   = int16(-28)  // a slot's number
	atChosen = int16(-48)  // endpoint
	atSticky = int16(-80)  // key of stickies
	atStuck  = int16(-112) // value of stickies
	atPeer   = int16(-144) // key of peers
	atMember = int16(-168) // member
)

// translate is the program of connect and sendmsg: it looks the dialed address up
// and writes the endpoint's in its place. What is no frontend passes as it is.
func (t *tables) translate(six bool) asm.Instructions {
	p := program{six: six}
	p.add(asm.Mov.Reg(asm.R6, asm.R1))
	p.load(asm.R2, asm.R6, ctxProtocol, asm.Word)
	p.add(
		asm.JEq.Imm(asm.R2, unix.IPPROTO_TCP, "ours"),
		asm.JNE.Imm(asm.R2, unix.IPPROTO_UDP, "pass"),
		asm.StoreImm(asm.RFP, atKey+16, 0, asm.Word).WithSymbol("ours"),
		asm.StoreMem(asm.RFP, atKey+frontendProto, asm.R2, asm.Byte),
	)
	p.readAddr(asm.R6, ctxIP4, ctxIP6, atKey)
	p.load(asm.R1, asm.R6, ctxPort, asm.Word)
	p.add(asm.StoreMem(asm.RFP, atKey+frontendPort, asm.R1, asm.Half))

	// An element that was given to another key leads to that key's slot, once.
	for _, otherwise := range []string{"again", "refuse"} {
		start := len(p.code)
		p.lookup(t.services.FD(), atKey)
		p.add(asm.JEq.Imm(asm.R0, 0, "pass"))
		p.load(asm.R1, asm.R0, 0, asm.Word)
		p.add(asm.StoreMem(asm.RFP, atSlot, asm.R1, asm.Word))
		p.lookup(t.frontends.FD(), atSlot)
		p.add(asm.JEq.Imm(asm.R0, 0, otherwise))
		for off := int16(0); off < int16(frontendSize); off += 4 {
			p.load(asm.R1, asm.R0, off, asm.Word)
			p.load(asm.R2, asm.RFP, atKey+off, asm.Word)
			p.add(asm.JNE.Reg(asm.R1, asm.R2, otherwise))
		}
		if otherwise == "again" {
			p.add(asm.Ja.Label("found"))
		} else {
			p.code[start] = p.code[start].WithSymbol("again")
		}
	}
	p.add(asm.Mov.Reg(asm.R8, asm.R0).WithSymbol("found"))
	p.load(asm.R7, asm.R8, targetCount, asm.Word)
	p.add(asm.JEq.Imm(asm.R7, 0, "refuse"))
	p.load(asm.R9, asm.R8, targetAffinity, asm.Word)
	p.add(asm.JEq.Imm(asm.R9, 0, "choose"))
	p.recall(t)

	p.add(asm.FnGetPrandomU32.Call().WithSymbol("choose"))
	p.add(asm.Mod.Reg32(asm.R0, asm.R7))
	p.load(asm.R1, asm.R8, targetFirst, asm.Word)
	p.add(asm.Add.Reg32(asm.R0, asm.R1), asm.StoreMem(asm.RFP, atSlot, asm.R0, asm.Word))
	p.lookup(t.endpoints.FD(), atSlot)
	p.add(asm.JEq.Imm(asm.R0, 0, "refuse"))
	p.copy(asm.R0, 0, atChosen)
	p.add(asm.JEq.Imm(asm.R9, 0, "apply"))

	// Remember it, or that it was used again.
	p.add(asm.FnKtimeGetNs.Call().WithSymbol("remember"))
	p.add(asm.StoreMem(asm.RFP, atStuck, asm.R0, asm.DWord), asm.StoreImm(asm.RFP, atStuck+28, 0, asm.Word))
	p.copy(asm.RFP, atChosen, atStuck+8)
	p.update(t.shared.stickies.FD(), atSticky, atStuck)

	// The dialed address is what recvmsg and getpeername give back.
	p.add(asm.Mov.Reg(asm.R1, asm.R6).WithSymbol("apply"), asm.FnGetSocketCookie.Call())
	p.add(asm.StoreMem(asm.RFP, atPeer, asm.R0, asm.DWord), asm.StoreImm(asm.RFP, atPeer+28, 0, asm.Word))
	p.copy(asm.RFP, atChosen, atPeer+8)
	p.update(t.shared.peers.FD(), atPeer, atKey)
	p.writeAddr(asm.RFP, atChosen)
	p.add(asm.Mov.Imm(asm.R0, 1).WithSymbol("pass"), asm.Return())

	p.add(
		asm.Mov.Imm(asm.R1, -int32(unix.ECONNREFUSED)).WithSymbol("refuse"),
		asm.FnSetRetval.Call(),
		asm.Mov.Imm(asm.R0, 0),
		asm.Return(),
	)
	return p.code
}

// recall looks for what the client was given before: an endpoint that is still a
// member, not too long ago. A client is a network namespace, and within it the
// address that the socket is bound to, if it is. R8 is the target, R9 its affinity.
func (p *program) recall(t *tables) {
	p.add(asm.Mov.Reg(asm.R1, asm.R6), asm.FnGetNetnsCookie.Call())
	p.add(
		asm.StoreMem(asm.RFP, atSticky, asm.R0, asm.DWord),
		asm.StoreMem(asm.RFP, atSticky+24, asm.R9, asm.Word),
		asm.StoreImm(asm.RFP, atSticky+28, 0, asm.Word),
	)
	p.load(asm.R3, asm.R6, ctxSock, asm.DWord)
	p.readAddr(asm.R3, sockIP4, sockIP6, atSticky+8)
	p.lookup(t.shared.stickies.FD(), atSticky)
	p.add(asm.JEq.Imm(asm.R0, 0, "choose"))
	// A copy: what is checked must be what is used.
	p.load(asm.R1, asm.R0, 0, asm.DWord)
	p.add(asm.StoreMem(asm.RFP, atStuck, asm.R1, asm.DWord))
	p.copy(asm.R0, 8, atChosen)
	p.copy(asm.RFP, atChosen, atMember)
	p.add(asm.StoreMem(asm.RFP, atMember+memberAffinity, asm.R9, asm.Word), asm.FnKtimeGetNs.Call())
	p.load(asm.R1, asm.RFP, atStuck, asm.DWord)
	p.add(asm.Sub.Reg(asm.R0, asm.R1))
	p.load(asm.R1, asm.R8, targetTimeout, asm.DWord)
	p.add(asm.JGT.Reg(asm.R0, asm.R1, "choose"))
	p.lookup(t.members.FD(), atMember)
	p.add(asm.JNE.Imm(asm.R0, 0, "remember"))
}

// restore is the program of recvmsg and getpeername: an endpoint's address becomes
// what the socket had dialed.
func (s *shared) restore(six bool) asm.Instructions {
	p := program{six: six}
	p.add(asm.Mov.Reg(asm.R6, asm.R1), asm.FnGetSocketCookie.Call())
	p.add(
		asm.StoreMem(asm.RFP, atPeer, asm.R0, asm.DWord),
		asm.StoreImm(asm.RFP, atPeer+24, 0, asm.Word),
		asm.StoreImm(asm.RFP, atPeer+28, 0, asm.Word),
	)
	p.readAddr(asm.R6, ctxIP4, ctxIP6, atPeer+8)
	p.load(asm.R1, asm.R6, ctxPort, asm.Word)
	p.add(asm.StoreMem(asm.RFP, atPeer+24, asm.R1, asm.Half))
	p.lookup(s.peers.FD(), atPeer)
	p.add(asm.JEq.Imm(asm.R0, 0, "pass"))
	p.writeAddr(asm.R0, 0)
	p.add(asm.Mov.Imm(asm.R0, 1).WithSymbol("pass"), asm.Return())
	return p.code
}

// program is one in the making, for sockets of one family.
type program struct {
	six  bool
	code asm.Instructions
}

func (p *program) add(ins ...asm.Instruction) { p.code = append(p.code, ins...) }

func (p *program) load(to, from asm.Register, off int16, size asm.Size) {
	p.add(asm.LoadMem(to, from, off, size))
}

// lookup leaves the value's address, or 0, in R0.
func (p *program) lookup(fd int, key int16) {
	p.add(asm.LoadMapPtr(asm.R1, fd), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, int32(key)), asm.FnMapLookupElem.Call())
}

func (p *program) update(fd int, key, value int16) {
	p.add(
		asm.LoadMapPtr(asm.R1, fd),
		asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, int32(key)),
		asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, int32(value)),
		asm.Mov.Imm(asm.R4, 0),
		asm.FnMapUpdateElem.Call(),
	)
}

// copy copies an endpoint to the stack.
func (p *program) copy(from asm.Register, off, to int16) {
	for i := int16(0); i < int16(endpointSize); i += 4 {
		p.load(asm.R1, from, off+i, asm.Word)
		p.add(asm.StoreMem(asm.RFP, to+i, asm.R1, asm.Word))
	}
}

// readAddr copies an address from a context to the stack.
func (p *program) readAddr(from asm.Register, ip4, ip6, to int16) {
	if p.six {
		for i := int16(0); i < 16; i += 4 {
			p.load(asm.R1, from, ip6+i, asm.Word)
			p.add(asm.StoreMem(asm.RFP, to+i, asm.R1, asm.Word))
		}
		return
	}
	mapped := int64(int32(binary.NativeEndian.Uint32([]byte{0, 0, 0xff, 0xff})))
	p.add(asm.StoreImm(asm.RFP, to, 0, asm.Word), asm.StoreImm(asm.RFP, to+4, 0, asm.Word), asm.StoreImm(asm.RFP, to+8, mapped, asm.Word))
	p.load(asm.R1, from, ip4, asm.Word)
	p.add(asm.StoreMem(asm.RFP, to+mappedAddrWords, asm.R1, asm.Word))
}

// writeAddr puts an address and a port, as an endpoint has them, into the context
// R6.
func (p *program) writeAddr(from asm.Register, off int16) {
	if p.six {
		for i := int16(0); i < 16; i += 4 {
			p.load(asm.R1, from, off+i, asm.Word)
			p.add(asm.StoreMem(asm.R6, ctxIP6+i, asm.R1, asm.Word))
		}
	} else {
		p.load(asm.R1, from, off+mappedAddrWords, asm.Word)
		p.add(asm.StoreMem(asm.R6, ctxIP4, asm.R1, asm.Word))
	}
	p.load(asm.R1, from, off+endpointPort, asm.Half)
	p.add(asm.StoreMem(asm.R6, ctxPort, asm.R1, asm.Word))
}
