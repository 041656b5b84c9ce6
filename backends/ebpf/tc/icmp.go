package tc

import (
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

const (
	icmpHeader = 8
	icmpSum    = 2
)

// icmp translates an error of ICMP that quotes a packet of a flow, as the packets of the
// other way are: who sent the quoted packet is told of what it had sent, by its peer if
// that has told. R7 and R3 are the packet's begin and end; its own addresses are at
// atTuple.
func (p *program) icmp() {
	header, proto, addrs := int32(ipv4Header), int16(9), int16(12)
	if p.Six {
		header, proto, addrs = ipv6Header, 6, 8
	}
	quote := p.l4() + icmpHeader
	p.Label("icmp")
	p.Load(asm.R1, asm.R7, int16(p.l4()), asm.Byte)
	if p.Six {
		p.Add(asm.JGE.Imm(asm.R1, 128, "pass")) // no error
	} else {
		p.Add(
			asm.JEq.Imm(asm.R1, 3, "error"), asm.JEq.Imm(asm.R1, 11, "error"), // unreachable, time exceeded
			asm.JNE.Imm(asm.R1, 12, "pass"), // parameter problem
		)
		p.Label("error")
	}
	p.Add(asm.Mov.Reg(asm.R1, asm.R6), asm.Mov.Imm(asm.R2, quote+header+udpHeader), asm.FnSkbPullData.Call())
	p.Load(asm.R7, asm.R6, skbData, asm.Word)
	p.Load(asm.R3, asm.R6, skbDataEnd, asm.Word)
	p.Add(asm.Mov.Reg(asm.R1, asm.R7), asm.Add.Imm(asm.R1, quote+header+udpHeader), asm.JGT.Reg(asm.R1, asm.R3, "pass"))
	if !p.Six {
		p.Load(asm.R1, asm.R7, int16(quote), asm.Byte)
		p.Add(asm.JNE.Imm(asm.R1, 0x45, "pass"))
	}
	p.Copy(asm.RFP, atTuple, atBack, addrsSize)
	// The tuple of an answer to the quoted packet.
	p.ReadAddr(asm.R7, int16(quote)+addrs+4, int16(quote)+addrs+16, atTuple)
	p.ReadAddr(asm.R7, int16(quote)+addrs, int16(quote)+addrs, atTuple+tupleDst)
	p.Load(asm.R1, asm.R7, int16(quote+header)+2, asm.Half)
	p.Load(asm.R2, asm.R7, int16(quote+header), asm.Half)
	p.Load(asm.R4, asm.R7, int16(quote)+proto, asm.Byte)
	p.Add(
		asm.StoreMem(asm.RFP, atTuple+tuplePorts, asm.R1, asm.Half), asm.StoreMem(asm.RFP, atTuple+tuplePort, asm.R2, asm.Half),
		asm.StoreMem(asm.RFP, atTuple+tupleProto, asm.R4, asm.Word),
	)
	p.Lookup(p.flows, atTuple)
	p.Add(asm.JEq.Imm(asm.R0, 0, "pass"), asm.Mov.Reg(asm.R9, asm.R0))

	// The packet's own addresses become those at atFlow.
	p.Copy(asm.RFP, atBack, atFlow, 16)
	for i := int16(0); i < 16; i += 4 {
		p.Load(asm.R1, asm.RFP, atBack+i, asm.Word)
		p.Load(asm.R2, asm.RFP, atTuple+i, asm.Word)
		p.Add(asm.JNE.Reg(asm.R1, asm.R2, "by another"))
	}
	p.Copy(asm.R9, 0, atFlow, 16)
	p.Label("by another")
	p.Copy(asm.R9, tupleDst, atFlow+tupleDst, 16)
	p.Arg(asm.R1, atBack)
	p.Add(asm.Mov.Imm(asm.R2, int32(addrsSize)))
	p.Arg(asm.R3, atFlow)
	p.Add(asm.Mov.Imm(asm.R4, int32(addrsSize)), asm.Mov.Imm(asm.R5, 0), asm.FnCsumDiff.Call(), asm.Mov.Reg(asm.R8, asm.R0))
	p.Add(asm.Mov.Imm(asm.R7, p.l4()+icmpSum), asm.StoreImm(asm.RFP, atSum, 0, asm.Word))
	if p.Six {
		p.replace(pseudo)
	} else {
		p.replaceHeader(ethernet)
	}
	p.difference(0, addrsSize)
	p.Add(asm.Mov.Reg(asm.R8, asm.R0))
	if p.Six {
		p.replace(0)
	} else {
		p.replaceHeader(quote) // which makes up for the change in the sum of ICMP
	}
	p.difference(tuplePorts, 4)
	p.Add(asm.Mov.Reg(asm.R8, asm.R0))
	p.replace(0)
	p.storeAddrs(asm.RFP, atFlow, ethernet, 0, recompute)
	p.storeAddrs(asm.R9, 0, quote, 16, 0)
	p.Load(asm.R1, asm.R9, tuplePorts, asm.Half)
	p.Load(asm.R2, asm.R9, tuplePort, asm.Half)
	p.Add(asm.StoreMem(asm.RFP, atWords, asm.R2, asm.Half), asm.StoreMem(asm.RFP, atWords+2, asm.R1, asm.Half))
	p.store(quote+header, asm.RFP, atWords, 4, 0)
	p.Add(asm.Ja.Label("leave"))
}

// protocol is the number of ICMP in the program's family.
func (p *program) protocol() int32 {
	if p.Six {
		return unix.IPPROTO_ICMPV6
	}
	return unix.IPPROTO_ICMP
}
