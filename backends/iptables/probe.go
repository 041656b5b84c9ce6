package iptables

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"syscall"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/sendbuffer"
)

// Probe implements backends.Backend. It syncs a few Services for real, in a
// network namespace that lives as long as the restore. It asks for what every
// IPv4 state needs; a Sync that needs more says what is missing.
func (b *Backend) Probe(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	x := &b.proxiers[0]
	if err := x.ready(ctx); err != nil {
		return err
	}
	if b.variant == NFT {
		if err := sendbuffer.Check(); err != nil {
			return err
		}
	}
	r := newRuleset(x.family, probeState(), space{}, nil, false)
	err := x.explain(ctx, x.try(ctx, r.write))
	if refused := (*RestoreError)(nil); errors.As(err, &refused) {
		return x.missing(piece{what: "a kernel and tools that take kube-proxy's rules"}, err)
	}
	return err
}

// try restores in a network namespace of its own, of which nothing is left.
func (x *proxier) try(ctx context.Context, write func(io.Writer) error) error {
	cmd := x.tools.restoreCommand(ctx)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	return permission(restore(ctx, cmd, write))
}

// explain names the piece that is missing when a restore was refused, or gives
// the error as it is.
func (x *proxier) explain(ctx context.Context, err error) error {
	if refused := (*RestoreError)(nil); !errors.As(err, &refused) || errors.Is(err, backends.ErrNotSupported) {
		return err
	}
	for _, p := range x.pieces() {
		if pieceErr := x.try(ctx, p.write); pieceErr != nil && ctx.Err() == nil {
			return x.missing(p, pieceErr)
		}
	}
	return err
}

func (x *proxier) missing(p piece, err error) error {
	e := &backends.NotSupportedError{
		Feature: fmt.Sprintf("%s for %s", p.what, x.variant.prefix(x.family)),
		Kernel:  backends.KernelRelease(), Err: err,
	}
	if p.module != "" {
		e.Mend = fmt.Sprintf("modprobe %s (%s)", p.module, p.config)
	}
	return e
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

// pieces are everything that the rules need, the most basic first. The last
// ones only some states need.
func (x *proxier) pieces() []piece {
	ip, config, reject, dnat := "ip", "CONFIG_IP", "ipt_REJECT", "192.0.2.1:80"
	if x.family == backends.IPv6 {
		ip, config, reject, dnat = "ip6", "CONFIG_IP6", "ip6t_REJECT", "[2001:db8::1]:80"
	}
	tables := []piece{
		{"the filter table", ip + "table_filter", config + "_NF_FILTER", Filter, "-A INPUT -j RETURN"},
		{"the nat table", ip + "table_nat", config + "_NF_NAT", NAT, "-A PREROUTING -j RETURN"},
		{"the mangle table", ip + "table_mangle", config + "_NF_MANGLE", Mangle, "-A INPUT -j RETURN"},
	}
	if x.variant == NFT {
		tables = []piece{
			{"nf_tables", "nf_tables", "CONFIG_NF_TABLES", Filter, "-A INPUT -j RETURN"},
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
		{"the target REJECT", reject, config + "_NF_TARGET_REJECT", Filter, "-A INPUT -j REJECT"},
		{"the target MARK", "xt_mark", "CONFIG_NETFILTER_XT_MARK", NAT, "-A PREROUTING -j MARK --or-mark 0x1"},
		{"the target DNAT", "xt_nat", "CONFIG_NETFILTER_XT_NAT", NAT, "-A PREROUTING -p tcp -j DNAT --to-destination " + dnat},
		{"the target MASQUERADE with --random-fully", "xt_MASQUERADE", "CONFIG_NETFILTER_XT_TARGET_MASQUERADE", NAT, "-A POSTROUTING -j MASQUERADE --random-fully"},
		{"the match sctp (Services over SCTP)", "xt_sctp", "CONFIG_NETFILTER_XT_MATCH_SCTP", Filter, "-A INPUT -m sctp -p sctp --dport 80"},
		{"the match recent (session affinity)", "xt_recent", "CONFIG_NETFILTER_XT_MATCH_RECENT", NAT, "-A PREROUTING -m recent --name probe --set"},
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
		Node: backends.Node{Name: "probe", Addrs: []netip.Addr{netip.MustParseAddr("203.0.113.1")}, ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}},
		Services: []backends.ServicePort{
			{Namespace: "probe", Name: "tcp", Protocol: backends.TCP, ClusterIP: vip, Port: 80, Endpoints: endpoints},
			{Namespace: "probe", Name: "udp", Protocol: backends.UDP, ClusterIP: vip, Port: 80, Endpoints: endpoints},
			{Namespace: "probe", Name: "none", Protocol: backends.TCP, ClusterIP: vip, Port: 81},
		},
	}
}
