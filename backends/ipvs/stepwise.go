package ipvs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"

	mobyipvs "github.com/moby/ipvs"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends/conntrack"
)

// stepwise is Sync by kube-proxy's own libraries and steps, in its order
// (syncProxyRules): what a node really pays.
type stepwise struct {
	*Backend
	ctx    context.Context
	w      *want
	handle *mobyipvs.Handle
	link   netlink.Link
	bound  map[string]bool // addresses that kube-ipvs0 had before
}

func (b *Backend) syncStepwise(ctx context.Context, w *want) error {
	// moby/ipvs asks for the netlink family once in a process and remembers
	// a refusal for ever: it must not ask too early.
	k, err := openKernel()
	if err != nil {
		return err
	}
	k.close()
	if k.family == 0 {
		return noIPVS()
	}
	handle, err := mobyipvs.New("")
	if err != nil {
		return fmt.Errorf("moby/ipvs: %w", err)
	}
	defer handle.Close()
	s := &stepwise{Backend: b, ctx: ctx, w: w, handle: handle}
	for _, step := range []func() error{
		func() error { return b.sysctls.set(sysctls(kernelRelease())) },
		s.ensureChains, s.ensureDevice, s.ensureSets, s.syncServices, s.syncSets,
		func() error { return b.iptables.restore(ctx, w.rules.restore(nil)) },
		s.removeAddrs, s.removeServices,
		func() error { return conntrack.DropStale(w.state) },
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// iptables runs the program once: there reports exit code 0, and an exit code
// of 1 says that what was to be made or found is there or is not.
func (s *stepwise) iptablesOnce(args ...string) (there bool, err error) {
	_, err = s.iptables.run(s.ctx, nil, s.iptables.name, append(wait[:len(wait):len(wait)], args...)...)
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
			return fmt.Errorf("%s refused the rule %s", s.iptables.name, j.rule())
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
	addrs, err := netlink.AddrList(link, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("reading the addresses of %s: %w", device, err)
	}
	s.bound = make(map[string]bool, len(addrs))
	for _, a := range addrs {
		s.bound[a.IP.String()] = true
	}
	return nil
}

func (s *stepwise) ensureSets() error {
	for _, set := range kubeSets {
		args := []string{"create", set.name, set.typ}
		if set.typ == bitmapPort {
			args = append(args, "range", "0-65535")
		} else {
			args = append(args, "family", "inet", "hashsize", strconv.Itoa(hashSize), "maxelem", strconv.Itoa(maxElements))
		}
		if _, err := s.ipset(append(args, "-exist")...); err != nil {
			return err
		}
	}
	return nil
}

func (s *stepwise) ipset(args ...string) ([]byte, error) {
	return s.iptables.run(s.ctx, nil, "ipset", args...)
}

func (s *stepwise) service(v vip) *mobyipvs.Service {
	return &mobyipvs.Service{
		AddressFamily: unix.AF_INET, Address: net.IP(v.addr[:]), Protocol: uint16(v.proto), Port: v.port,
		SchedName: s.scheduler, Flags: s.flags(), Netmask: hostMask,
	}
}

func (s *stepwise) syncServices() error {
	for i := range s.w.servers {
		v := &s.w.servers[i]
		if err := s.syncService(v.vip); err != nil {
			return fmt.Errorf("virtual server %v: %w", v.vip, err)
		}
		if err := s.syncEndpoints(v); err != nil {
			return fmt.Errorf("virtual server %v: %w", v.vip, err)
		}
		if err := s.ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

func (s *stepwise) syncService(v vip) error {
	svc := s.service(v)
	// kube-proxy takes any failure to read it for its absence.
	have, err := s.handle.GetService(svc)
	switch {
	case err != nil:
		err = s.handle.NewService(svc)
	case have.SchedName != svc.SchedName || have.Flags&^flagHashed != svc.Flags || have.Timeout != svc.Timeout:
		err = s.handle.UpdateService(svc)
	}
	if err != nil {
		return err
	}
	ip := netip.AddrFrom4(v.addr).String()
	if s.bound[ip] {
		return nil
	}
	// The device is looked up for every address.
	link, err := netlink.LinkByName(device)
	if err != nil {
		return err
	}
	err = netlink.AddrAdd(link, &netlink.Addr{IPNet: netlink.NewIPNet(net.IP(v.addr[:]))})
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("binding %s to %s: %w", ip, device, err)
	}
	return nil
}

func (s *stepwise) syncEndpoints(v *server) error {
	svc, err := s.handle.GetService(s.service(v.vip))
	if err != nil {
		return err
	}
	have, err := s.handle.GetDestinations(svc)
	if err != nil {
		return err
	}
	stale := make(map[string]*mobyipvs.Destination, len(have))
	for _, d := range have {
		stale[net.JoinHostPort(d.Address.String(), strconv.Itoa(int(d.Port)))] = d
	}
	for _, d := range v.dests {
		want := &mobyipvs.Destination{Address: net.IP(d.addr[:]), Port: d.port, Weight: int(wanted.weight)}
		there, ok := stale[d.String()]
		delete(stale, d.String())
		switch {
		case !ok:
			err = s.handle.NewDestination(svc, want)
		case there.Weight != want.Weight || there.ConnectionFlags&forwardMask != forwardMasquerade ||
			there.UpperThreshold != 0 || there.LowerThreshold != 0:
			err = s.handle.UpdateDestination(svc, want)
		}
		if err != nil {
			return fmt.Errorf("real server %v: %w", d, err)
		}
	}
	for key, d := range stale {
		if err := s.handle.DelDestination(svc, d); err != nil {
			return fmt.Errorf("real server %s: %w", key, err)
		}
	}
	return nil
}

func (s *stepwise) syncSets() error {
	for _, set := range kubeSets {
		out, err := s.ipset("list", set.name)
		if err != nil {
			return err
		}
		_, members, _ := strings.Cut(string(out), "Members:\n")
		stale := make(map[string]bool)
		for line := range strings.Lines(members) {
			stale[strings.TrimSpace(line)] = true
		}
		var missing []string
		_ = s.w.each(set.name, func(e entry) error {
			text := e.text(set.typ)
			if !stale[text] {
				missing = append(missing, text)
			}
			delete(stale, text)
			return nil
		})
		for text := range stale {
			if _, err := s.ipset("del", set.name, text); err != nil {
				return err
			}
		}
		for _, text := range missing {
			if _, err := s.ipset("add", set.name, text, "-exist"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *stepwise) removeAddrs() error {
	for _, a := range s.w.addrs {
		delete(s.bound, netip.AddrFrom4(a).String())
	}
	for ip := range s.bound {
		err := netlink.AddrDel(s.link, &netlink.Addr{IPNet: netlink.NewIPNet(net.ParseIP(ip))})
		if err != nil && !errors.Is(err, unix.ENXIO) {
			return fmt.Errorf("unbinding %s from %s: %w", ip, device, err)
		}
	}
	return nil
}

func (s *stepwise) removeServices() error {
	active := make(map[vip]bool, len(s.w.servers))
	for i := range s.w.servers {
		active[s.w.servers[i].vip] = true
	}
	have, err := s.handle.GetServices()
	if err != nil {
		return fmt.Errorf("reading the virtual servers: %w", err)
	}
	for _, svc := range have {
		ip := svc.Address.To4()
		if svc.AddressFamily != unix.AF_INET || svc.FWMark != 0 || ip == nil {
			continue
		}
		v := vip{addr: [4]byte(ip), port: svc.Port, proto: uint8(svc.Protocol)}
		if active[v] {
			continue
		}
		if err := s.handle.DelService(s.service(v)); err != nil {
			return fmt.Errorf("removing virtual server %v: %w", v, err)
		}
	}
	return nil
}
