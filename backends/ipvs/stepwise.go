package ipvs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"

	mobyipvs "github.com/moby/ipvs"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/conntrack"
)

// stepwise is a family's Sync by kube-proxy's own libraries and steps, in its
// order (syncProxyRules): what a node really pays.
type stepwise struct {
	*Backend
	ctx    context.Context
	p      *plan
	tables iptables
	handle *mobyipvs.Handle
	link   netlink.Link
	bound  map[ip]bool // addresses of the family that kube-ipvs0 had before
}

func (b *Backend) syncStepwise(ctx context.Context, k *kernel, node nodeState, state *backends.State, plans []*plan) error {
	// moby/ipvs asks for the netlink family once in a process and remembers
	// a refusal for ever: it must not ask before k was seen to have it.
	handle, err := mobyipvs.New("")
	if err != nil {
		return fmt.Errorf("moby/ipvs: %w", err)
	}
	defer handle.Close()
	steps := []func() error{func() error { return b.sysctls.set(sysctls(backends.KernelRelease())) }}
	for _, p := range plans {
		s := &stepwise{Backend: b, ctx: ctx, p: p, tables: b.tables(p.family), handle: handle}
		steps = append(steps,
			s.ensureChains, s.ensureDevice, s.ensureSets, s.syncServices, s.syncSets,
			func() error { rules := p.rules(); return s.tables.restore(ctx, rules.restore(nil)) },
			s.removeAddrs, s.removeServices,
		)
	}
	steps = append(steps,
		func() error { return b.loseStepwise(ctx, k, node, plans) },
		func() error { return conntrack.DropStale(state) },
	)
	return inTurn(ctx, steps)
}

// loseStepwise is no step of kube-proxy's, whose families do not change.
func (b *Backend) loseStepwise(ctx context.Context, k *kernel, node nodeState, plans []*plan) error {
	if len(plans) == len(families) {
		return nil
	}
	headers, err := k.setHeaders()
	if err != nil {
		return err
	}
	servers, err := k.virtualServers()
	if err != nil {
		return err
	}
	return b.removeLost(ctx, k, node, plans, servers, headers)
}

// iptables runs the program once: there reports exit code 0, and an exit code
// of 1 says that what was to be made or found is there or is not.
func (s *stepwise) iptablesOnce(args ...string) (there bool, err error) {
	_, err = s.tables.run(s.ctx, nil, s.tables.name, append(wait[:len(wait):len(wait)], args...)...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
		return false, nil
	}
	return err == nil, err
}

func (s *stepwise) ensureChains() error {
	for _, c := range chains {
		if _, err := s.iptablesOnce("-N", c.name, "-t", c.table); err != nil {
			return err
		}
	}
	for _, j := range jumps {
		rule := []string{j.from, "-t", j.table, "-m", "comment", "--comment", j.comment, "-j", j.to}
		there, err := s.iptablesOnce(append([]string{"-C"}, rule...)...)
		if err != nil {
			return err
		}
		if there {
			continue
		}
		made, err := s.iptablesOnce(append([]string{"-I"}, rule...)...)
		if err != nil {
			return err
		}
		if !made {
			return fmt.Errorf("%s refused the rule %s", s.tables.name, j.rule())
		}
	}
	return nil
}

func (s *stepwise) ensureDevice() error {
	link, err := netlink.LinkByName(device)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		if err := netlink.LinkAdd(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: device}}); err != nil {
			return fmt.Errorf("creating the dummy device %s: %w", device, err)
		}
		link, err = netlink.LinkByName(device)
	}
	if err != nil {
		return fmt.Errorf("device %s: %w", device, err)
	}
	s.link = link
	addrs, err := netlink.AddrList(link, int(s.p.af))
	if err != nil {
		return fmt.Errorf("reading the addresses of %s: %w", device, err)
	}
	s.bound = make(map[ip]bool, len(addrs))
	for _, a := range addrs {
		if !a.IP.IsLinkLocalUnicast() {
			s.bound[ipFrom(s.p.family, a.IP)] = true
		}
	}
	return nil
}

// ipFrom is an address of a family out of a library's form of it.
func ipFrom(f *family, a net.IP) ip {
	if f.af == unix.AF_INET {
		return parseIP(f.af, a.To4())
	}
	return parseIP(f.af, a)
}

func (s *stepwise) ensureSets() error {
	for id, set := range kubeSets {
		args := append([]string{"create", s.p.sets[id]}, createArgs(s.p.family, set.typ)...)
		if _, err := s.ipset(append(args, "-exist")...); err != nil {
			return err
		}
	}
	return nil
}

func (s *stepwise) ipset(args ...string) ([]byte, error) {
	return s.tables.run(s.ctx, nil, "ipset", args...)
}

func (s *stepwise) syncSets() error {
	for id, set := range kubeSets {
		name := s.p.sets[id]
		out, err := s.ipset("list", name)
		if err != nil {
			return err
		}
		_, members, _ := strings.Cut(string(out), "Members:\n")
		stale := make(map[string]bool)
		for line := range strings.Lines(members) {
			stale[strings.TrimSpace(line)] = true
		}
		var missing []string
		for i := range s.p.orderedEntries[id] {
			// A network of one address is listed in other words than it is
			// added with, and so it goes and comes at each sync.
			text := s.p.orderedEntries[id][i].text(set.typ)
			if !stale[text] {
				missing = append(missing, text)
			}
			delete(stale, text)
		}
		for text := range stale {
			if _, err := s.ipset("del", name, text); err != nil {
				return err
			}
		}
		for _, text := range missing {
			if _, err := s.ipset("add", name, text, "-exist"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *stepwise) removeAddrs() error {
	for a := range s.bound {
		if _, keep := s.p.counts[setIPVSAddrs][entry{ip: a}]; keep {
			continue
		}
		err := netlink.AddrDel(s.link, &netlink.Addr{IPNet: netlink.NewIPNet(a.bytes())})
		if err != nil && !errors.Is(err, unix.ENXIO) {
			return fmt.Errorf("unbinding %s from %s: %w", a, device, err)
		}
	}
	return nil
}
