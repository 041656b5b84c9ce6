package userspace

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/conntrack"
)

// Probe implements backends.Backend. It makes every kind of rule for real, each in a
// network namespace that lives as long as the tool. It asks for what every IPv4 state
// needs; a Sync that needs more says what is missing.
func (*Backend) Probe(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t, err := findTool(ctx, backends.IPv4)
	if err != nil {
		return err
	}
	for _, p := range t.pieces() {
		if err := p.try(ctx, t); err != nil && !p.rare {
			return err
		}
	}
	if err := conntrack.Probe(); err != nil {
		return &backends.NotSupportedError{
			Feature: "conntrack over netlink", Kernel: backends.KernelRelease(), Err: err,
			Mend: "modprobe nf_conntrack_netlink (CONFIG_NF_CT_NETLINK)",
		}
	}
	return nil
}

// explain names the piece that is missing when iptables failed, or gives the error as
// it is.
func (t *tool) explain(ctx context.Context, err error) error {
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || ctx.Err() != nil {
		return err
	}
	for _, p := range t.pieces() {
		if missing := p.try(ctx, t); missing != nil {
			return missing
		}
	}
	return err
}

// piece is one thing that the rules need from the kernel, with a rule that needs
// nothing else which earlier pieces have not shown to be there.
type piece struct {
	what, module, config string
	rule                 rule
	rare                 bool // some states alone need it
}

func (t *tool) pieces() []piece {
	ip, config, to := "ip", "CONFIG_IP", "192.0.2.1:80"
	if t.family == backends.IPv6 {
		ip, config, to = "ip6", "CONFIG_IP6", "[2001:db8::1]:80"
	}
	pre := func(args ...string) rule { return rule{nat, "PREROUTING", args} }
	return []piece{
		{"the filter table", ip + "table_filter", config + "_NF_FILTER", rule{filter, "INPUT", []string{"-j", "RETURN"}}, false},
		{"the nat table", ip + "table_nat", config + "_NF_NAT", pre("-j", "RETURN"), false},
		{"the match comment", "xt_comment", "CONFIG_NETFILTER_XT_MATCH_COMMENT", pre("-m", "comment", "--comment", "probe"), false},
		{"the matches tcp and udp", "xt_tcpudp", "CONFIG_NETFILTER_XTABLES", pre("-p", "tcp", "-m", "tcp", "--dport", "80"), false},
		{"the match addrtype", "xt_addrtype", "CONFIG_NETFILTER_XT_MATCH_ADDRTYPE", pre("-m", "addrtype", "--dst-type", "LOCAL"), false},
		{"the target REDIRECT", "xt_REDIRECT", "CONFIG_NETFILTER_XT_TARGET_REDIRECT", pre("-p", "tcp", "-j", "REDIRECT", "--to-ports", "80"), false},
		{"the target DNAT", "xt_nat", "CONFIG_NETFILTER_XT_NAT", pre("-p", "tcp", "-j", "DNAT", "--to-destination", to), false},
		{"the match state", "xt_conntrack", "CONFIG_NETFILTER_XT_MATCH_CONNTRACK", rule{filter, "INPUT", []string{"-m", "state", "--state", "NEW"}}, false},
		{"the match physdev (external IPs)", "xt_physdev", "CONFIG_NETFILTER_XT_MATCH_PHYSDEV", pre("-m", "physdev", "!", "--physdev-is-in"), true},
	}
}

// try makes the rule in a network namespace of its own, of which nothing is left.
func (p *piece) try(ctx context.Context, t *tool) error {
	cmd := exec.CommandContext(ctx, t.run, append([]string{"-w", "5", "-t", p.rule.table, "-A", p.rule.chain}, p.rule.args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	err := said(ctx, cmd)
	switch {
	case err == nil, ctx.Err() != nil:
		return err
	case errors.Is(err, syscall.EPERM):
		return &backends.NotSupportedError{Feature: "permission to make network namespaces", Err: err, Mend: "run as root, or in a lab"}
	}
	return &backends.NotSupportedError{
		Feature: fmt.Sprintf("%s for iptables-legacy in %s", p.what, t.family), Kernel: backends.KernelRelease(), Err: err,
		Mend: fmt.Sprintf("modprobe %s (%s)", p.module, p.config),
	}
}
