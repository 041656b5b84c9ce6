package nftables

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"syscall"

	"sigs.k8s.io/knftables"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/sendbuffer"
)

// Probe implements backends.Backend. It syncs Services of every kind for real,
// in a network namespace that lives as long as the program nft.
func (b *Backend) Probe(ctx context.Context) error {
	if err := b.ready(ctx); err != nil {
		return err
	}
	// kube-proxy asks its library for a usable tool. When the kernel is what
	// the tool failed at, what follows says it better.
	_, err := knftables.New(knftables.IPv4Family, tableName)
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return errTool(err)
	}
	if release := backends.KernelRelease(); !recent(release) {
		return &backends.NotSupportedError{
			Feature: "kernel 5.13 or later, which kube-proxy's nftables mode asks for",
			Kernel:  release, Mend: "boot a newer kernel, or use --lab vm",
		}
	}
	if err := sendbuffer.Check(); err != nil {
		return err
	}
	for _, of := range backends.Families() {
		if err := b.probe(ctx, of); err != nil {
			return err
		}
	}
	return nil
}

func (b *Backend) probe(ctx context.Context, of backends.Family) error {
	state := probeState(of)
	f := newFamily(of, &state.Node, b.layout)
	s := newScript(f)
	f.full(s, state, nil, nil)
	err := b.try(ctx, s)
	if r := (*refused)(nil); !errors.As(err, &r) {
		return err
	}
	// Something is missing: which?
	for _, p := range pieces() {
		if pieceErr := b.try(ctx, p.script(f)); pieceErr != nil {
			return p.missing(f, pieceErr)
		}
	}
	return piece{what: "a kernel and a tool that take kube-proxy's rules"}.missing(f, err)
}

// try runs a script in a network namespace of its own, of which nothing is left.
func (b *Backend) try(ctx context.Context, s *script) error {
	cmd := b.tool.command(ctx, s.b)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	err := do(ctx, cmd)
	if errors.Is(err, syscall.EPERM) {
		return &backends.NotSupportedError{
			Feature: "permission to make network namespaces", Err: err,
			Mend: "run as root, or in a lab",
		}
	}
	return err
}

// piece is one thing that the rules need from the kernel, with commands that
// need nothing else that earlier pieces have not shown to be there.
type piece struct {
	what, module, config string
	commands             []string // %[1]s is the family's header
}

func (p piece) script(f *family) *script {
	s := newScript(f)
	s.str("add table ").str(string(s.table)).end()
	for _, c := range p.commands {
		s.str(fmt.Sprintf(c, f.ip, f.addr)).end()
	}
	return s
}

func (p piece) missing(f *family, err error) error {
	e := &backends.NotSupportedError{Feature: fmt.Sprintf("%s (family %s)", p.what, f.ip), Kernel: backends.KernelRelease(), Err: err}
	if p.module != "" {
		e.Mend = fmt.Sprintf("modprobe %s (%s)", p.module, p.config)
	} else {
		e.Mend = "use kernel 5.13 and nft 1.0.1 or later, or --lab vm"
	}
	return e
}

// pieces are everything that the rules need, the most basic first.
func pieces() []piece {
	const chain = "add chain %[1]s kube-proxy c { type filter hook input priority 0 ; }"
	rule := func(r string) []string { return []string{chain, "add rule %[1]s kube-proxy c " + r} }
	natRule := func(hook, r string) []string {
		return []string{fmt.Sprintf("add chain %%[1]s kube-proxy c { type nat hook %s priority 0 ; }", hook), "add rule %[1]s kube-proxy c " + r}
	}
	return []piece{
		{"nf_tables", "nf_tables", "CONFIG_NF_TABLES", nil},
		{"filter chains of nf_tables", "nf_tables", "CONFIG_NF_TABLES_IPV4, CONFIG_NF_TABLES_IPV6", []string{chain}},
		{"nat chains of nf_tables", "nft_chain_nat", "CONFIG_NFT_NAT", natRule("prerouting", "return")},
		{"the match ct of nf_tables", "nft_ct", "CONFIG_NFT_CT", rule("ct state new return")},
		{"the statement reject of nf_tables", "nft_reject_inet", "CONFIG_NFT_REJECT", rule("reject")},
		{"the match fib of nf_tables", "nft_fib_ipv4", "CONFIG_NFT_FIB_IPV4, CONFIG_NFT_FIB_IPV6", rule("fib saddr type local return")},
		{"the expression numgen of nf_tables", "nft_numgen", "CONFIG_NFT_NUMGEN", rule("numgen random mod 2 vmap { 0 : drop , 1 : accept }")},
		{"sets of nf_tables that expire", "nf_tables", "CONFIG_NF_TABLES", []string{"add set %[1]s kube-proxy s { type %[2]s ; flags dynamic,timeout ; timeout 1s ; }"}},
		{"the statement masquerade of nf_tables", "nft_masq", "CONFIG_NFT_MASQ", natRule("postrouting", "masquerade fully-random")},
		{"the statement dnat of nf_tables", "nft_nat", "CONFIG_NFT_NAT", natRule("prerouting", "meta l4proto tcp dnat to :80")},
	}
}

// probeState is a small state whose rules need everything that any state's do.
func probeState(f backends.Family) *backends.State {
	addr := netip.MustParseAddr
	vip, outside, host, pod := addr("192.0.2.1"), addr("192.0.2.2"), addr("192.0.2.3"), addr("198.51.100.1")
	if f == backends.IPv6 {
		vip, outside, host, pod = addr("2001:db8::1"), addr("2001:db8::2"), addr("2001:db8::3"), addr("2001:db8:1::1")
	}
	all := func(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }
	endpoints := []backends.Endpoint{{Addr: netip.AddrPortFrom(pod, 80), Local: true}, {Addr: netip.AddrPortFrom(pod.Next(), 80)}}
	port := func(name string, proto backends.Protocol, endpoints ...backends.Endpoint) backends.ServicePort {
		return backends.ServicePort{
			Namespace: "probe", Name: name, Protocol: proto, ClusterIP: vip, Port: 80, NodePort: 30000,
			LoadBalancerIPs: []netip.Addr{outside}, SourceRanges: []netip.Prefix{all(host), all(pod)},
			Endpoints: endpoints,
		}
	}
	s := &backends.State{
		Node: backends.Node{
			Name: "probe", Addrs: []netip.Addr{host},
			ClusterCIDRs: []netip.Prefix{all(pod)}, ServiceCIDRs: []netip.Prefix{all(vip)},
		},
		Services: []backends.ServicePort{
			port("local", backends.SCTP, endpoints...), port("none", backends.UDP), port("sticky", backends.TCP, endpoints...),
		},
	}
	s.Services[0].ExternalLocal = true
	s.Services[2].AffinitySeconds = 60
	return s
}

// recent reports whether a kernel is the oldest that kube-proxy runs this mode
// on, or newer. A release that cannot be read is not held against the kernel.
func recent(release string) bool {
	var major, minor int
	if n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor); n < 2 {
		return true
	}
	return major > 5 || major == 5 && minor >= 13
}
