package tc

import (
	"encoding/binary"

	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// Offsets in packets. What has options before its ports passes as it is.
const (
	ethernet   = 14
	ipv4Header = 20
	ipv6Header = 40
	tcpFlags   = 13
	tcpHeader  = 20
	udpHeader  = 8
	tcpSum     = 16
	udpSum     = 6
	ipv4Sum    = 10
)

// The bits of TCP's flags.
const (
	fin = 1 << iota
	syn
	rst
	_
	ack
)

// l4 is where ports are.
func (p *program) l4() int32 {
	if p.Six {
		return ethernet + ipv6Header
	}
	return ethernet + ipv4Header
}

// parse puts what the packet is to atTuple and atFlags.
func (p *program) parse() {
	need := p.l4() + udpHeader
	p.Load(asm.R7, asm.R6, skbData, asm.Word)
	p.Load(asm.R3, asm.R6, skbDataEnd, asm.Word)
	p.Add(asm.Mov.Reg(asm.R1, asm.R7), asm.Add.Imm(asm.R1, p.l4()+tcpHeader), asm.JLE.Reg(asm.R1, asm.R3, "there"))
	// What is not there may be in another part of the buffer.
	p.Add(asm.Mov.Reg(asm.R1, asm.R6), asm.Mov.Imm(asm.R2, p.l4()+tcpHeader), asm.FnSkbPullData.Call())
	p.Load(asm.R7, asm.R6, skbData, asm.Word)
	p.Load(asm.R3, asm.R6, skbDataEnd, asm.Word)
	p.Add(
		asm.Mov.Reg(asm.R1, asm.R7).WithSymbol("there"), asm.Add.Imm(asm.R1, need), asm.JGT.Reg(asm.R1, asm.R3, "pass"),
	)
	if p.Six {
		p.Load(asm.R2, asm.R7, ethernet+6, asm.Byte)
	} else {
		p.Load(asm.R1, asm.R7, ethernet, asm.Byte)
		p.Add(asm.JNE.Imm(asm.R1, 0x45, "pass")) // version 4, no options
		p.Load(asm.R1, asm.R7, ethernet+6, asm.Half)
		fragment := binary.NativeEndian.Uint16([]byte{0x3f, 0xff})
		p.Add(asm.And.Imm(asm.R1, int32(fragment)), asm.JNE.Imm(asm.R1, 0, "pass"))
		p.Load(asm.R2, asm.R7, ethernet+9, asm.Byte)
	}
	p.ReadAddr(asm.R7, ethernet+12, ethernet+8, atTuple)
	p.ReadAddr(asm.R7, ethernet+16, ethernet+24, atTuple+tupleDst)
	p.Load(asm.R1, asm.R7, int16(p.l4()), asm.Word)
	p.Add(
		asm.StoreMem(asm.RFP, atTuple+tuplePorts, asm.R1, asm.Word),
		asm.StoreMem(asm.RFP, atTuple+tupleProto, asm.R2, asm.Word), // and three bytes of nothing
		asm.StoreImm(asm.RFP, atFlags, 0, asm.Word),
		asm.JEq.Imm(asm.R2, unix.IPPROTO_UDP, "parsed"),
		asm.JEq.Imm(asm.R2, p.protocol(), "icmp"), asm.JNE.Imm(asm.R2, unix.IPPROTO_TCP, "pass"),
		asm.Mov.Reg(asm.R1, asm.R7), asm.Add.Imm(asm.R1, p.l4()+tcpHeader), asm.JGT.Reg(asm.R1, asm.R3, "pass"),
	)
	p.Load(asm.R1, asm.R7, int16(p.l4())+tcpFlags, asm.Byte)
	p.Add(asm.StoreMem(asm.RFP, atFlags, asm.R1, asm.Word))
	p.Label("parsed")
}
