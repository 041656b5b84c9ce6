package socket

import (
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends/ebpf/table"
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

// Where the key of peers is on the stack.
const atPeer = table.StackEnd - 32

// translate is the program of connect and sendmsg: it looks the dialed address up
// and writes the endpoint's in its place. What is no frontend passes as it is.
func (m *maps) translate(t *table.Tables, six bool) asm.Instructions {
	p := &program{table.Program{Six: six}}
	p.Add(asm.Mov.Reg(asm.R6, asm.R1))
	p.Load(asm.R2, asm.R6, ctxProtocol, asm.Word)
	p.Add(
		asm.JEq.Imm(asm.R2, unix.IPPROTO_TCP, "ours"),
		asm.JNE.Imm(asm.R2, unix.IPPROTO_UDP, "pass"),
		asm.StoreImm(asm.RFP, table.AtKey+16, 0, asm.Word).WithSymbol("ours"),
		asm.StoreMem(asm.RFP, table.AtKey+table.FrontendProto, asm.R2, asm.Byte),
	)
	p.ReadAddr(asm.R6, ctxIP4, ctxIP6, table.AtKey)
	p.Load(asm.R1, asm.R6, ctxPort, asm.Word)
	p.Add(asm.StoreMem(asm.RFP, table.AtKey+table.FrontendPort, asm.R1, asm.Half))
	p.Find(t, "pass")
	p.Load(asm.R7, asm.R8, table.TargetInside+table.ListCount, asm.Word)
	p.Add(asm.JEq.Imm(asm.R7, 0, "refuse"))
	p.Load(asm.R9, asm.R8, table.TargetTimeout, asm.DWord)
	p.Add(asm.JEq.Imm(asm.R9, 0, "choose"))
	p.client()
	p.Recall(t, m.stickies)
	p.Label("choose")
	p.Random(t, asm.R8, table.TargetInside, "refuse")
	p.Add(asm.JEq.Imm(asm.R9, 0, "apply"))
	p.Remember(m.stickies)

	// The dialed address is what recvmsg and getpeername give back.
	p.Add(asm.Mov.Reg(asm.R1, asm.R6).WithSymbol("apply"), asm.FnGetSocketCookie.Call())
	p.Add(asm.StoreMem(asm.RFP, atPeer, asm.R0, asm.DWord), asm.StoreImm(asm.RFP, atPeer+28, 0, asm.Word))
	p.Copy(asm.RFP, table.AtChosen, atPeer+8, table.EndpointSize)
	p.Update(m.peers, atPeer, table.AtKey, ebpf.UpdateAny)
	p.writeAddr(asm.RFP, table.AtChosen)
	p.Add(asm.Mov.Imm(asm.R0, 1).WithSymbol("pass"), asm.Return())

	p.Add(
		asm.Mov.Imm(asm.R1, -int32(unix.ECONNREFUSED)).WithSymbol("refuse"),
		asm.FnSetRetval.Call(),
		asm.Mov.Imm(asm.R0, 0),
		asm.Return(),
	)
	return p.Code
}

// restore is the program of recvmsg and getpeername: an endpoint's address becomes
// what the socket had dialed.
func (m *maps) restore(six bool) asm.Instructions {
	p := &program{table.Program{Six: six}}
	p.Add(asm.Mov.Reg(asm.R6, asm.R1), asm.FnGetSocketCookie.Call())
	p.Add(
		asm.StoreMem(asm.RFP, atPeer, asm.R0, asm.DWord),
		asm.StoreImm(asm.RFP, atPeer+24, 0, asm.Word),
		asm.StoreImm(asm.RFP, atPeer+28, 0, asm.Word),
	)
	p.ReadAddr(asm.R6, ctxIP4, ctxIP6, atPeer+8)
	p.Load(asm.R1, asm.R6, ctxPort, asm.Word)
	p.Add(asm.StoreMem(asm.RFP, atPeer+24, asm.R1, asm.Half))
	p.Lookup(m.peers, atPeer)
	p.Add(asm.JEq.Imm(asm.R0, 0, "pass"))
	p.writeAddr(asm.R0, 0)
	p.Add(asm.Mov.Imm(asm.R0, 1).WithSymbol("pass"), asm.Return())
	return p.Code
}

// program is one of a socket's hooks.
type program struct{ table.Program }

// client is a network namespace, and within it the address that the socket is bound
// to, if it is.
func (p *program) client() {
	p.Add(asm.Mov.Reg(asm.R1, asm.R6), asm.FnGetNetnsCookie.Call())
	p.Add(asm.StoreMem(asm.RFP, table.AtSticky, asm.R0, asm.DWord))
	p.Load(asm.R3, asm.R6, ctxSock, asm.DWord)
	p.ReadAddr(asm.R3, sockIP4, sockIP6, table.AtSticky+8)
}

// writeAddr puts an address and a port, as an endpoint has them, into the context
// R6.
func (p *program) writeAddr(from asm.Register, off int16) {
	if p.Six {
		for i := int16(0); i < 16; i += 4 {
			p.Load(asm.R1, from, off+i, asm.Word)
			p.Add(asm.StoreMem(asm.R6, ctxIP6+i, asm.R1, asm.Word))
		}
	} else {
		p.Load(asm.R1, from, off+table.MappedAddrWords, asm.Word)
		p.Add(asm.StoreMem(asm.R6, ctxIP4, asm.R1, asm.Word))
	}
	p.Load(asm.R1, from, off+table.EndpointPort, asm.Half)
	p.Add(asm.StoreMem(asm.R6, ctxPort, asm.R1, asm.Word))
}
