package ipvs

import (
	"errors"
	"fmt"

	mobyipvs "github.com/moby/ipvs"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// mobyService is a virtual server as moby/ipvs takes it.
func mobyService(v *vip, want service) *mobyipvs.Service {
	return &mobyipvs.Service{
		AddressFamily: uint16(v.family), Address: v.bytes(), Protocol: uint16(v.proto), Port: v.port,
		SchedName: want.scheduler, Flags: want.flags, Timeout: want.timeout, Netmask: want.netmask,
	}
}

func (s *stepwise) syncServices() error {
	for _, v := range s.p.orderedServers {
		if err := s.syncService(v); err != nil {
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

func (s *stepwise) syncService(v *server) error {
	svc := mobyService(&v.vip, s.service(s.p.family, v))
	// kube-proxy takes any failure to read it for its absence.
	have, err := s.handle.GetService(svc)
	switch {
	case err != nil:
		delete(s.leaving, v.vip)
		err = s.handle.NewService(svc)
	case have.SchedName != svc.SchedName || have.Flags&^flagHashed != svc.Flags || have.Timeout != svc.Timeout:
		err = s.handle.UpdateService(svc)
	}
	if err != nil {
		return err
	}
	if _, bind := s.p.counts[setIPVSAddrs][entry{ip: v.ip}]; !bind || s.bound[v.ip] {
		return nil
	}
	// The device is looked up for every address.
	link, err := netlink.LinkByName(device)
	if err != nil {
		return err
	}
	err = netlink.AddrAdd(link, &netlink.Addr{IPNet: netlink.NewIPNet(v.bytes())})
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("binding %s to %s: %w", v.ip, device, err)
	}
	return nil
}

func (s *stepwise) syncEndpoints(v *server) error {
	svc, err := s.handle.GetService(mobyService(&v.vip, s.service(s.p.family, v)))
	if err != nil {
		return err
	}
	have, err := s.handle.GetDestinations(svc)
	if err != nil {
		return err
	}
	stale := make(map[dest]*mobyipvs.Destination, len(have))
	for _, d := range have {
		stale[dest{ipFrom(s.p.family, d.Address), d.Port}] = d
	}
	for _, d := range v.dests {
		want := &mobyipvs.Destination{Address: d.bytes(), Port: d.port, Weight: int(v.weight(d))}
		there, ok := stale[d]
		delete(stale, d)
		waited := s.leaving.drop(v.vip, d)
		switch {
		case ok && waited:
			if err = s.handle.DelDestination(svc, want); err == nil {
				err = s.handle.NewDestination(svc, want)
			}
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
	for d, there := range stale {
		if there.Weight == 0 && s.leaving.has(v.vip, d) {
			continue
		}
		if err := s.retireOne(svc, v.vip, d); err != nil {
			return fmt.Errorf("real server %s: %w", d, err)
		}
	}
	return nil
}

// retireOne reads the real servers once more for each that must go.
func (s *stepwise) retireOne(svc *mobyipvs.Service, v vip, d dest) error {
	have, err := s.handle.GetDestinations(svc)
	if err != nil {
		return err
	}
	for _, there := range have {
		if (dest{ipFrom(s.p.family, there.Address), there.Port}) != d {
			continue
		}
		if !graceful(v.proto) || there.ActiveConnections+there.InactiveConnections == 0 {
			return s.handle.DelDestination(svc, there)
		}
		s.leaving.add(v, d)
		return s.handle.UpdateDestination(svc, &mobyipvs.Destination{Address: d.bytes(), Port: d.port})
	}
	return nil
}

func (s *stepwise) removeServices() error {
	have, err := s.handle.GetServices()
	if err != nil {
		return fmt.Errorf("reading the virtual servers: %w", err)
	}
	for _, svc := range have {
		if svc.AddressFamily != uint16(s.p.af) || svc.FWMark != 0 {
			continue
		}
		v := vip{ipFrom(s.p.family, svc.Address), uint8(svc.Protocol), svc.Port}
		if s.p.servers[v] != nil {
			continue
		}
		delete(s.leaving, v)
		if err := s.handle.DelService(mobyService(&v, service{scheduler: svc.SchedName, netmask: s.p.netmask})); err != nil {
			return fmt.Errorf("removing virtual server %v: %w", v, err)
		}
	}
	return nil
}
