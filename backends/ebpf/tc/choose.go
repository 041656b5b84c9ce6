package tc

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf/asm"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ebpf/table"
)

// admit decides by whom a packet is sent: to atList which endpoints it may get, with
// their number in R7, and to atMasquerade whether it gets the node's address.
func (p *program) admit() {
	p.Load(asm.R9, asm.R8, table.TargetFlags, asm.Word)
	p.Add(asm.StoreImm(asm.RFP, atMasquerade, 0, asm.Word))
	p.Add(asm.Mov.Reg(asm.R1, asm.R9), asm.And.Imm(asm.R1, int32(table.Ranges)), asm.JEq.Imm(asm.R1, 0, "let in"))
	p.Within(p.tables, atTuple)
	p.Add(asm.JEq.Imm(asm.R0, 0, "drop"))
	p.Label("let in")
	if !p.ingress { // the node itself, with an address that the kernel has picked
		p.list(table.TargetInside, table.SilentInside, 0)
		p.Label("admitted")
		return
	}
	if pods := p.node.ClusterCIDR(p.family()); pods.IsValid() {
		p.inside(pods, atTuple, "outside")
		p.list(table.TargetInside, table.SilentInside, table.MasqueradePods)
		p.Label("outside")
	}
	p.list(table.TargetOutside, table.SilentOutside, table.MasqueradeOutside)
	p.Label("admitted")
}

func (p *program) family() backends.Family {
	if p.Six {
		return backends.IPv6
	}
	return backends.IPv4
}

// inside goes to a label when the address at a place is not in a prefix.
func (p *program) inside(in netip.Prefix, at int16, otherwise string) {
	bits := 128 - in.Addr().BitLen() + in.Bits()
	net := in.Masked().Addr().As16()
	for i := 0; i < 16 && bits > 0; i, bits = i+4, bits-32 {
		var mask [4]byte
		binary.BigEndian.PutUint32(mask[:], uint32(0xffffffff)<<max(0, 32-bits))
		p.Load(asm.R1, asm.RFP, at+int16(i), asm.Word)
		p.Add(asm.And.Imm32(asm.R1, table.Word(mask[:])), asm.JNE.Imm32(asm.R1, table.Word(net[i:]), otherwise))
	}
}

// list makes a target's list the one to choose from, for clients whom a flag of the
// target, in R9, has masqueraded. With nobody in it another flag says whether the
// client is to know.
func (p *program) list(off int16, silent, masquerade table.Flags) {
	p.Copy(asm.R8, off, atList, int(table.ListSize))
	p.Load(asm.R7, asm.RFP, atList+table.ListCount, asm.Word)
	next := fmt.Sprint("somebody ", silent)
	p.Add(
		asm.JNE.Imm(asm.R7, 0, next),
		asm.And.Imm(asm.R9, int32(silent)), asm.JNE.Imm(asm.R9, 0, "drop"), asm.Ja.Label("nobody"),
		asm.And.Imm(asm.R9, int32(masquerade)).WithSymbol(next),
		asm.StoreMem(asm.RFP, atMasquerade, asm.R9, asm.Word), asm.Ja.Label("admitted"),
	)
}

// choose leaves an endpoint at AtChosen.
func (p *program) choose() {
	p.Load(asm.R1, asm.R8, table.TargetTimeout, asm.DWord)
	p.Add(asm.Mov.Reg(asm.R9, asm.R1), asm.JEq.Imm(asm.R9, 0, "choose"))
	p.Zero(table.AtSticky, 8)
	p.Copy(asm.RFP, atTuple, table.AtSticky+8, 16)
	p.Recall(p.tables, p.stickies)
	p.Label("choose")
	if p.maglev {
		p.hash()
		p.Maglev(p.tables, asm.RFP, atList, "drop")
	} else {
		p.Random(p.tables, asm.RFP, atList, "drop")
	}
	p.Add(asm.JEq.Imm(asm.R9, 0, "chosen"))
	p.Remember(p.stickies)
	p.Add(asm.Ja.Label("chosen"))
	// A port that nobody can have: the node itself answers that it is closed. To its
	// own processes it does only where a route of the table local goes down lo.
	p.Label("nobody")
	if p.ingress {
		p.constant(p.node.Addr(p.family()), table.AtChosen)
	} else if p.Six {
		p.constant(netip.IPv6Loopback(), table.AtChosen)
	} else {
		p.constant(netip.AddrFrom4([4]byte{127, 0, 0, 1}), table.AtChosen)
	}
	p.Add(asm.StoreImm(asm.RFP, table.AtChosen+table.EndpointPort, 0, asm.Word))
	p.Label("chosen")
}

// hash leaves a hash of the packet's tuple in R0, the same on every node: rounds of a
// multiplication and a shift, of which the upper half is best mixed.
func (p *program) hash() {
	p.Add(asm.Mov.Imm(asm.R0, 0), asm.LoadImm(asm.R2, -0x61c8864680b583eb, asm.DWord)) // 2^64 over the golden ratio
	for i := int16(0); i < int16(tupleSize); i += 8 {
		p.Load(asm.R1, asm.RFP, atTuple+i, asm.DWord)
		p.Add(
			asm.Xor.Reg(asm.R0, asm.R1), asm.Mul.Reg(asm.R0, asm.R2),
			asm.Mov.Reg(asm.R1, asm.R0), asm.RSh.Imm(asm.R1, 32), asm.Xor.Reg(asm.R0, asm.R1),
		)
	}
	p.Add(asm.Mul.Reg(asm.R0, asm.R2), asm.RSh.Imm(asm.R0, 32))
}

// constant puts an address on the stack.
func (p *program) constant(a netip.Addr, to int16) {
	if !a.IsValid() { // nothing of the family is served
		a = netip.IPv6Unspecified()
	}
	raw := a.As16()
	for i := range int16(4) {
		p.Add(asm.StoreImm(asm.RFP, to+4*i, int64(table.Word(raw[4*i:])), asm.Word))
	}
}
