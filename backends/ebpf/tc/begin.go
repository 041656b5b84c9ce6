package tc

import (
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends/ebpf/table"
)

// begin makes the two flows of a connection to the endpoint at AtChosen, and leaves the
// first in R9. The target is R8.
func (p *program) begin() {
	// A pod that reaches itself must not answer itself.
	for i := int16(0); i < 16; i += 4 {
		p.Load(asm.R1, asm.RFP, table.AtChosen+i, asm.Word)
		p.Load(asm.R2, asm.RFP, atTuple+i, asm.Word)
		p.Add(asm.JNE.Reg(asm.R1, asm.R2, "another"))
	}
	if p.ingress {
		p.Add(asm.StoreImm(asm.RFP, atMasquerade, 1, asm.Word))
	}
	p.Label("another")

	// Answers come from the endpoint to the client, or to the node in its stead.
	p.Copy(asm.RFP, table.AtChosen, atBack, 16)
	p.Copy(asm.RFP, atTuple, atBack+tupleDst, 16)
	p.Load(asm.R1, asm.RFP, table.AtChosen+table.EndpointPort, asm.Half)
	p.Add(asm.StoreMem(asm.RFP, atBack+tuplePorts, asm.R1, asm.Half))
	p.Load(asm.R1, asm.RFP, atTuple+tupleProto, asm.Word)
	p.Add(asm.StoreMem(asm.RFP, atBack+tupleProto, asm.R1, asm.Word))
	// R9 is what the flows' flags have in common.
	p.Add(asm.Mov.Imm(asm.R9, redirect))
	p.Load(asm.R7, asm.RFP, atMasquerade, asm.Word)
	p.Add(asm.JEq.Imm(asm.R7, 0, "itself"))
	p.constant(p.node.Addr(p.family()), atBack+tupleDst)
	p.Add(asm.Ja.Label("way"))
	p.Label("itself")
	p.Load(asm.R1, asm.RFP, table.AtChosen+table.EndpointPort, asm.Half)
	p.Load(asm.R2, asm.R8, table.TargetFlags, asm.Word)
	p.Add(
		asm.JEq.Imm(asm.R1, 0, "routed"), // the node's routing leads to the node
		asm.And.Imm(asm.R2, int32(table.NodeAddr)), asm.JNE.Imm(asm.R2, 0, "way"),
		asm.Mov.Imm(asm.R9, 0).WithSymbol("routed"),
	)
	p.Label("way")

	// They become answers of the VIP.
	p.Copy(asm.RFP, atTuple+tupleDst, atFlow, 16)
	p.Copy(asm.RFP, atTuple, atFlow+tupleDst, 16)
	p.Load(asm.R1, asm.RFP, atTuple+tuplePort, asm.Half)
	p.Add(asm.StoreMem(asm.RFP, atFlow+tuplePorts, asm.R1, asm.Half))
	p.Load(asm.R1, asm.RFP, atTuple+tuplePorts, asm.Half)
	p.Add(
		asm.StoreMem(asm.RFP, atFlow+tuplePort, asm.R1, asm.Half),
		asm.StoreMem(asm.RFP, atFlow+flowFlags, asm.R9, asm.Word),
	)
	p.Load(asm.R1, asm.R8, table.TargetVersion, asm.DWord)
	p.Add(asm.StoreMem(asm.RFP, atFlow+flowVersion, asm.R1, asm.DWord))
	p.Add(asm.FnKtimeGetNs.Call(), asm.StoreMem(asm.RFP, atFlow+flowSeen, asm.R0, asm.DWord))
	p.ports()

	// The way there.
	p.Copy(asm.RFP, atBack+tupleDst, atFlow, 16)
	p.Copy(asm.RFP, atBack, atFlow+tupleDst, 16)
	p.Load(asm.R1, asm.RFP, atBack+tuplePort, asm.Half)
	p.Add(asm.StoreMem(asm.RFP, atFlow+tuplePorts, asm.R1, asm.Half))
	p.Load(asm.R1, asm.RFP, atBack+tuplePorts, asm.Half)
	p.Add(
		asm.StoreMem(asm.RFP, atFlow+tuplePort, asm.R1, asm.Half),
		asm.Or.Imm(asm.R9, forward),
		asm.StoreMem(asm.RFP, atFlow+flowFlags, asm.R9, asm.Word),
	)
	p.Update(p.flows, atTuple, atFlow, ebpf.UpdateAny)
	p.Add(asm.Mov.Reg(asm.R9, asm.RFP), asm.Add.Imm(asm.R9, int32(atFlow)))
}

// ports finds the source port by which answers are told from those of other
// connections, and enters their flow under it: the client's own if that is free and it
// is not masqueraded, or else one at random that is free or idle. It counts tries in
// R7.
func (p *program) ports() {
	p.Load(asm.R1, asm.RFP, atTuple+tuplePorts, asm.Half)
	p.Add(
		asm.Mov.Reg(asm.R8, asm.R7), asm.Mov.Imm(asm.R7, 0), asm.JEq.Imm(asm.R8, 0, "try"),
		asm.FnGetPrandomU32.Call().WithSymbol("draw"),
		asm.And.Imm(asm.R0, sourcePorts-1), asm.Add.Imm(asm.R0, firstSourcePort),
		asm.HostTo(asm.BE, asm.R0, asm.Half), asm.Mov.Reg(asm.R1, asm.R0),
		asm.StoreMem(asm.RFP, atBack+tuplePort, asm.R1, asm.Half).WithSymbol("try"),
	)
	p.Update(p.flows, atBack, atFlow, ebpf.UpdateNoExist)
	p.Add(asm.JEq.Imm(asm.R0, 0, "entered"))
	p.Lookup(p.flows, atBack)
	p.Add(asm.JEq.Imm(asm.R0, 0, "other port"))
	for i := int16(0); i < tupleProto; i += 4 { // is it this client's of before?
		p.Load(asm.R1, asm.R0, i, asm.Word)
		p.Load(asm.R2, asm.RFP, atFlow+i, asm.Word)
		p.Add(asm.JNE.Reg(asm.R1, asm.R2, "other client"))
	}
	p.Add(asm.Ja.Label("replace"))
	p.Label("other client")
	p.Load(asm.R1, asm.R0, flowFlags, asm.Word)
	p.Load(asm.R2, asm.R0, flowSeen, asm.DWord)
	p.Load(asm.R3, asm.RFP, atFlow+flowSeen, asm.DWord)
	p.Load(asm.R4, asm.RFP, atTuple+tupleProto, asm.Byte)
	p.Add(
		asm.JSGT.Reg(asm.R2, asm.R3, "other port"), // another processor has just used it
		asm.Sub.Reg(asm.R3, asm.R2),
		asm.LoadImm(asm.R5, udpIdle, asm.DWord),
		asm.JEq.Imm(asm.R4, unix.IPPROTO_UDP, "idle"),
		asm.And.Imm(asm.R1, closing), asm.JEq.Imm(asm.R1, 0, "other port"),
		asm.LoadImm(asm.R5, closedIdle, asm.DWord),
		asm.JGT.Reg(asm.R3, asm.R5, "replace").WithSymbol("idle"),
	)
	p.Add(
		asm.Add.Imm(asm.R7, 1).WithSymbol("other port"),
		asm.JLT.Imm(asm.R7, portTries, "draw"),
		asm.Ja.Label("drop"),
	)
	p.Label("replace")
	p.Update(p.flows, atBack, atFlow, ebpf.UpdateAny)
	p.Label("entered")
}
