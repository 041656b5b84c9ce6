package tc

import (
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// Flags of helpers (include/uapi/linux/bpf.h).
const (
	recompute  = 0x01 // BPF_F_RECOMPUTE_CSUM: the checksum of the whole packet follows
	pseudo     = 0x10 // BPF_F_PSEUDO_HDR: what changes is summed in the pseudo header
	mangleZero = 0x20 // BPF_F_MARK_MANGLED_0: a checksum of 0 is none (UDP)
)

// apply makes the packet what its flow, R9, says.
func (p *program) apply() {
	p.Label("apply")
	// The checksum's place is R7.
	p.Load(asm.R1, asm.RFP, atTuple+tupleProto, asm.Byte)
	p.Add(
		asm.JEq.Imm(asm.R1, unix.IPPROTO_UDP, "udp"),
		asm.Mov.Imm(asm.R7, p.l4()+tcpSum), asm.StoreImm(asm.RFP, atSum, 0, asm.Word),
	)
	p.Load(asm.R1, asm.RFP, atFlags, asm.Word)
	p.Add(asm.And.Imm(asm.R1, fin|rst), asm.JEq.Imm(asm.R1, 0, "seen"))
	p.Load(asm.R1, asm.R9, flowFlags, asm.Word)
	p.Add(
		asm.Or.Imm(asm.R1, closing), asm.StoreMem(asm.R9, flowFlags, asm.R1, asm.Word), asm.Ja.Label("see"),
		asm.Mov.Imm(asm.R7, p.l4()+udpSum).WithSymbol("udp"), asm.StoreImm(asm.RFP, atSum, mangleZero, asm.Word),
		asm.FnKtimeGetNs.Call().WithSymbol("see"), asm.StoreMem(asm.R9, flowSeen, asm.R0, asm.DWord),
	)
	p.Label("seen")
	p.difference(0, addrsSize)
	p.Add(asm.Mov.Reg(asm.R8, asm.R0))
	if !p.Six {
		p.replaceHeader(ethernet)
	}
	p.replace(pseudo)
	p.difference(tuplePorts, 4)
	p.Add(asm.Mov.Reg(asm.R8, asm.R0))
	p.replace(0)

	p.storeAddrs(asm.R9, 0, ethernet, 0, recompute)
	p.store(p.l4(), asm.R9, tuplePorts, 4, 0)
}

// difference leaves in R0 what a checksum over a part of the tuple changes by when it
// becomes the flow's.
func (p *program) difference(off int16, size int) {
	p.Arg(asm.R1, atTuple+off)
	p.Add(
		asm.Mov.Imm(asm.R2, int32(size)),
		asm.Mov.Reg(asm.R3, asm.R9), asm.Add.Imm(asm.R3, int32(off)), asm.Mov.Imm(asm.R4, int32(size)),
		asm.Mov.Imm(asm.R5, 0), asm.FnCsumDiff.Call(),
	)
}

// replace changes the transport's checksum by R8.
func (p *program) replace(flags int32) {
	p.Load(asm.R5, asm.RFP, atSum, asm.Word)
	p.Add(
		asm.Or.Imm(asm.R5, flags), asm.Mov.Reg(asm.R1, asm.R6), asm.Mov.Reg(asm.R2, asm.R7), asm.Mov.Imm(asm.R3, 0),
		asm.Mov.Reg(asm.R4, asm.R8), asm.FnL4CsumReplace.Call(),
	)
}

// replaceHeader changes the checksum of an IPv4 header by R8.
func (p *program) replaceHeader(at int32) {
	p.Add(
		asm.Mov.Reg(asm.R1, asm.R6), asm.Mov.Imm(asm.R2, at+ipv4Sum), asm.Mov.Imm(asm.R3, 0),
		asm.Mov.Reg(asm.R4, asm.R8), asm.Mov.Imm(asm.R5, 0), asm.FnL3CsumReplace.Call(),
	)
}

// storeAddrs writes the two addresses at from+off to an IP header; first is 0 when they
// are in its order, and 16 when they are the other way round. An IPv6 header has no
// checksum of its own that would make up for the change: flags say what is to.
func (p *program) storeAddrs(from asm.Register, off int16, header int32, first int16, flags int32) {
	if p.Six {
		p.store(header+8, from, off+first, 16, flags)
		p.store(header+24, from, off+16-first, 16, flags)
		return
	}
	p.Copy(from, off+first+12, atWords, 4)
	p.Copy(from, off+16-first+12, atWords+4, 4)
	p.store(header+12, asm.RFP, atWords, 8, 0)
}

// store writes to the packet.
func (p *program) store(to int32, from asm.Register, off int16, size int, flags int32) {
	p.Add(
		asm.Mov.Reg(asm.R1, asm.R6), asm.Mov.Imm(asm.R2, to),
		asm.Mov.Reg(asm.R3, from), asm.Add.Imm(asm.R3, int32(off)), asm.Mov.Imm(asm.R4, int32(size)),
		asm.Mov.Imm(asm.R5, flags), asm.FnSkbStoreBytes.Call(),
	)
}

// Fields of struct bpf_fib_lookup and what the lookup says.
const (
	routeSize    = 64
	routeProto   = 1
	routePorts   = 2
	routeIfindex = 8
	routeSrc     = 16
	routeDst     = 32
	routeLocal   = 4 // BPF_FIB_LKUP_RET_NOT_FWDED
	routeNoMAC   = 7 // BPF_FIB_LKUP_RET_NO_NEIGH
	loopback     = 1 // the index of lo in every namespace
)

// leave sends the packet on. From a link it goes through the node's routing and its
// filters, if those take a packet with such a source: not one that comes from
// elsewhere with the node's own address. A packet of the node's own has been routed to
// what was its destination: with another it needs another route.
func (p *program) leave() {
	p.Label("leave")
	if p.ingress {
		p.Load(asm.R1, asm.R9, flowFlags, asm.Word)
		p.Add(asm.And.Imm(asm.R1, redirect), asm.JEq.Imm(asm.R1, 0, "pass"))
	} else {
		for i := tupleDst; i < tuplePorts; i += 4 {
			p.Load(asm.R1, asm.R9, i, asm.Word)
			p.Load(asm.R2, asm.RFP, atTuple+i, asm.Word)
			p.Add(asm.JNE.Reg(asm.R1, asm.R2, "route"))
		}
		p.Add(asm.Ja.Label("pass"))
		p.Label("route")
	}
	p.Zero(atRoute, routeSize)
	family, addr := int64(unix.AF_INET), int16(4)
	if p.Six {
		family, addr = unix.AF_INET6, 16
	}
	p.Add(asm.StoreImm(asm.RFP, atRoute, family, asm.Byte))
	p.Load(asm.R1, asm.RFP, atTuple+tupleProto, asm.Byte)
	p.Add(asm.StoreMem(asm.RFP, atRoute+routeProto, asm.R1, asm.Byte))
	for i := int16(0); i < 4; i += 2 {
		p.Load(asm.R1, asm.R9, tuplePorts+i, asm.Half)
		p.Add(asm.StoreMem(asm.RFP, atRoute+routePorts+i, asm.R1, asm.Half))
	}
	p.Load(asm.R1, asm.R6, skbIfindex, asm.Word)
	p.Add(asm.StoreMem(asm.RFP, atRoute+routeIfindex, asm.R1, asm.Word))
	p.Copy(asm.R9, 16-addr, atRoute+routeSrc, int(addr))
	p.Copy(asm.R9, tupleDst+16-addr, atRoute+routeDst, int(addr))
	p.Add(asm.Mov.Reg(asm.R1, asm.R6))
	p.Arg(asm.R2, atRoute)
	p.Add(
		asm.Mov.Imm(asm.R3, routeSize), asm.Mov.Imm(asm.R4, 0), asm.FnFibLookup.Call(),
		asm.Mov.Imm(asm.R1, loopback), asm.JEq.Imm(asm.R0, routeLocal, "send"),
	)
	p.Load(asm.R1, asm.RFP, atRoute+routeIfindex, asm.Word)
	p.Add(
		asm.JEq.Imm(asm.R0, 0, "send"), asm.JNE.Imm(asm.R0, routeNoMAC, "drop"),
		asm.Mov.Imm(asm.R2, 0).WithSymbol("send"), asm.Mov.Imm(asm.R3, 0), asm.Mov.Imm(asm.R4, 0),
		asm.FnRedirectNeigh.Call(), asm.Return(),
	)
}
