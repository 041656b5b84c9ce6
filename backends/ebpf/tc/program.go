package tc

import (
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
