package iptables

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// Probe implements backends.Backend. It syncs a few Services for real, in a
// network namespace that lives as long as the restore.
func (b *Backend) Probe(ctx context.Context) error {
	if err := b.ready(ctx); err != nil {
		return err
	}
	if b.variant == NFT {
		if err := checkBatch(); err != nil {
			return err
		}
	}
	r := newRuleset(probeState(), Features{}, nil, nil)
	err := b.try(ctx, r.write)
	if refused := (*RestoreError)(nil); !errors.As(err, &refused) {
		return err
	}
	// Something is missing: which?
	for _, p := range b.variant.pieces() {
		if pieceErr := b.try(ctx, p.write); pieceErr != nil {
			return b.missing(p, pieceErr)
		}
	}
	return b.missing(piece{what: "a kernel and tools that take kube-proxy's rules"}, err)
}

// try restores in a network namespace of its own, of which nothing is left.
func (b *Backend) try(ctx context.Context, write func(io.Writer) error) error {
	cmd := b.tools.restoreCommand(ctx)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	return permission(restore(ctx, cmd, write))
}

func (b *Backend) missing(p piece, err error) error {
	e := &backends.NotSupportedError{Feature: fmt.Sprintf("%s for %s", p.what, b.variant), Kernel: kernelRelease(), Err: err}
	if p.module != "" {
		e.Mend = fmt.Sprintf("modprobe %s (%s)", p.module, p.config)
	}
	return e
}

func kernelRelease() string {
	var u unix.Utsname
	// Uname with a valid pointer cannot fail.
	_ = unix.Uname(&u)
	return unix.ByteSliceToString(u.Release[:])
}

// piece is one thing that the rules need from the kernel, with a rule that
// needs nothing else that earlier pieces have not shown to be there.
type piece struct {
	what, module, config string
	table                Table
	rule                 string
}

func (p piece) write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "*%s\n%s\nCOMMIT\n", p.table, p.rule)
	return err
}

// pieces are everything that the rules need, the most basic first.
func (v Variant) pieces() []piece {
	tables := []piece{
		{"the filter table", "iptable_filter", "CONFIG_IP_NF_FILTER", Filter, "-A INPUT -j RETURN"},
		{"the nat table", "iptable_nat", "CONFIG_IP_NF_NAT", NAT, "-A PREROUTING -j RETURN"},
		{"the mangle table", "iptable_mangle", "CONFIG_IP_NF_MANGLE", Mangle, "-A INPUT -j RETURN"},
	}
	if v == NFT {
		tables = []piece{
			{"nf_tables", "nf_tables", "CONFIG_NF_TABLES_IPV4", Filter, "-A INPUT -j RETURN"},
			{"the nat chains of nf_tables", "nft_chain_nat", "CONFIG_NFT_NAT", NAT, "-A PREROUTING -j RETURN"},
			{"iptables' matches in nf_tables", "nft_compat", "CONFIG_NFT_COMPAT", Filter, "-A INPUT -m statistic --mode random --probability 0.5"},
		}
	}
	return append(tables, []piece{
		{"the match comment", "xt_comment", "CONFIG_NETFILTER_XT_MATCH_COMMENT", Filter, "-A INPUT -m comment --comment probe"},
		{"the matches tcp and udp", "xt_tcpudp", "CONFIG_NETFILTER_XTABLES", Filter, "-A INPUT -m tcp -p tcp --dport 80"},
		{"the match conntrack", "xt_conntrack", "CONFIG_NETFILTER_XT_MATCH_CONNTRACK", Filter, "-A INPUT -m conntrack --ctstate NEW"},
		{"the match mark", "xt_mark", "CONFIG_NETFILTER_XT_MARK", Filter, "-A INPUT -m mark --mark 0x1/0x1"},
		{"the match statistic", "xt_statistic", "CONFIG_NETFILTER_XT_MATCH_STATISTIC", NAT, "-A PREROUTING -m statistic --mode random --probability 0.5"},
		{"the match addrtype", "xt_addrtype", "CONFIG_NETFILTER_XT_MATCH_ADDRTYPE", NAT, "-A PREROUTING -m addrtype --dst-type LOCAL"},
		{"the target REJECT", "ipt_REJECT", "CONFIG_IP_NF_TARGET_REJECT", Filter, "-A INPUT -j REJECT"},
		{"the target MARK", "xt_mark", "CONFIG_NETFILTER_XT_MARK", NAT, "-A PREROUTING -j MARK --or-mark 0x1"},
		{"the target DNAT", "xt_nat", "CONFIG_NETFILTER_XT_NAT", NAT, "-A PREROUTING -p tcp -j DNAT --to-destination 192.0.2.1:80"},
		{"the target MASQUERADE with --random-fully", "xt_MASQUERADE", "CONFIG_NETFILTER_XT_TARGET_MASQUERADE", NAT, "-A POSTROUTING -j MASQUERADE --random-fully"},
	}...)
}

// probeState is a small state whose rules need everything that any state's do.
func probeState() *backends.State {
	vip := netip.MustParseAddr("192.0.2.1")
	endpoints := []backends.Endpoint{
		{Addr: netip.MustParseAddrPort("198.51.100.1:80")},
		{Addr: netip.MustParseAddrPort("198.51.100.2:80")},
	}
	return &backends.State{
		Node: backends.Node{Name: "probe", ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}},
		Services: []backends.ServicePort{
			{Namespace: "probe", Name: "tcp", Protocol: backends.TCP, ClusterIP: vip, Port: 80, Endpoints: endpoints},
			{Namespace: "probe", Name: "udp", Protocol: backends.UDP, ClusterIP: vip, Port: 80, Endpoints: endpoints},
			{Namespace: "probe", Name: "none", Protocol: backends.TCP, ClusterIP: vip, Port: 81},
		},
	}
}
