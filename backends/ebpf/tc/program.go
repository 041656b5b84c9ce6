package tc

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ebpf/table"
)

// Offsets in struct __sk_buff (include/uapi/linux/bpf.h).
const (
	skbProtocol       = 16
	skbIngressIfindex = 36
	skbIfindex        = 40
	skbData           = 76
	skbDataEnd        = 80
)

// What a program says of a packet (include/uapi/linux/pkt_cls.h).
const (
	goOn = -1 // TC_ACT_UNSPEC: other filters may have it, and then the kernel
	drop = 2  // TC_ACT_SHOT
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

// The programs' stack below what package table uses.
const (
	atTuple = table.StackEnd - 40 // of the packet as it came
	atFlow  = atTuple - 56        // a flow in the making
	atBack  = atFlow - 40         // the tuple of its answers
	atList  = atBack - 16         // List that is chosen from
	atFlags = atList - 8          // TCP's flags, 0 for UDP
	atSum   = atFlags - 8         // flags for replacing the checksum
	atRoute = atSum - 64          // struct bpf_fib_lookup
	// While a flow is made.
	atMasquerade = atFlags + 4 // whether the node's address is the source
	atWords      = atRoute     // IPv4 addresses side by side
)

// program is one in the making, for packets of one family at one hook.
type program struct {
	table.Program
	*maps
	tables  *table.Tables
	node    *backends.Node
	ingress bool
	maglev  bool
}

// translate is the program of a hook. A packet of a flow that is known is made what the
// flow says; one to a frontend starts a flow; any other passes as it is.
func (p *program) translate() asm.Instructions {
	p.Add(asm.Mov.Reg(asm.R6, asm.R1))
	p.parse()
	p.Lookup(p.flows, atTuple)
	p.Add(asm.Mov.Reg(asm.R9, asm.R0), asm.JEq.Imm(asm.R9, 0, "frontend"))
	p.Load(asm.R1, asm.R9, flowFlags, asm.Word)
	p.Add(asm.And.Imm(asm.R1, forward), asm.JEq.Imm(asm.R1, 0, "apply"))
	p.Load(asm.R1, asm.RFP, atTuple+tupleProto, asm.Byte)
	p.Add(asm.JEq.Imm(asm.R1, unix.IPPROTO_UDP, "frontend"))
	p.Load(asm.R1, asm.RFP, atFlags, asm.Word)
	p.Add(asm.And.Imm(asm.R1, syn|ack), asm.JNE.Imm(asm.R1, syn, "apply"))

	p.Label("frontend")
	p.Copy(asm.RFP, atTuple+tupleDst, table.AtKey, 16)
	p.Load(asm.R1, asm.RFP, atTuple+tuplePort, asm.Half)
	p.Add(
		asm.StoreImm(asm.RFP, table.AtKey+16, 0, asm.Word),
		asm.StoreMem(asm.RFP, table.AtKey+table.FrontendPort, asm.R1, asm.Half),
	)
	p.Load(asm.R1, asm.RFP, atTuple+tupleProto, asm.Byte)
	p.Add(asm.StoreMem(asm.RFP, table.AtKey+table.FrontendProto, asm.R1, asm.Byte))
	p.Find(p.tables, "pass")
	p.known()
	p.admit()
	p.choose()
	p.begin()
	p.apply()
	p.leave()
	p.icmp()
	p.Add(asm.Mov.Imm(asm.R0, goOn).WithSymbol("pass"), asm.Return())
	p.Add(asm.Mov.Imm(asm.R0, drop).WithSymbol("drop"), asm.Return())
	return p.Code
}

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

// known goes on with a flow that is known, R9, if its endpoint is still one of the
// target's.
func (p *program) known() {
	p.Add(asm.JEq.Imm(asm.R9, 0, "new"))
	p.Load(asm.R1, asm.R9, flowFlags, asm.Word)
	p.Load(asm.R2, asm.R9, flowVersion, asm.DWord)
	p.Load(asm.R3, asm.R8, table.TargetVersion, asm.DWord)
	p.Load(asm.R4, asm.RFP, atTuple+tupleProto, asm.Byte)
	p.Add(
		asm.JEq.Imm(asm.R4, unix.IPPROTO_UDP, "stays"),
		// This is a SYN: the same again, or that of another connection.
		asm.And.Imm(asm.R1, closing), asm.JNE.Imm(asm.R1, 0, "new"),
		asm.JEq.Reg(asm.R2, asm.R3, "apply"),
		asm.Ja.Label("new"),
		asm.JEq.Reg(asm.R2, asm.R3, "apply").WithSymbol("stays"),
	)
	// The endpoint is compared with its port and two bytes of nothing.
	p.Copy(asm.R9, tupleDst, table.AtChosen, 16)
	p.Load(asm.R1, asm.R9, tuplePort, asm.Half)
	p.Add(asm.StoreMem(asm.RFP, table.AtChosen+table.EndpointPort, asm.R1, asm.Word))
	p.Member(p.tables, asm.RFP, table.AtChosen)
	p.Add(asm.JEq.Imm(asm.R0, 0, "new"))
	p.Load(asm.R1, asm.R8, table.TargetVersion, asm.DWord)
	p.Add(asm.StoreMem(asm.R9, flowVersion, asm.R1, asm.DWord), asm.Ja.Label("apply"))
	p.Label("new")
}

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

// load has the kernel verify the program.
func (p *program) load() (*ebpf.Program, error) {
	return table.LoadProgram(p.name(), ebpf.ProgramSpec{Type: ebpf.SchedCLS}, p.translate())
}

func (p *program) name() string {
	name := "out"
	if p.ingress {
		name = "in"
	}
	if p.Six {
		return name + "6"
	}
	return name + "4"
}
