package lab

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab/endpoint"
)

// serve starts the servers of all hosts that answer. A host that holds ranges
// listens at the ports of all endpoints: which addresses are its own, its routes
// say.
func (t *Topology) serve(p *plan, start func(*Host, endpoint.Ports) error) error {
	for i, h := range t.Endpoints {
		held := func(a netip.Addr) bool { return p.in(a, func(f family) netip.Prefix { return f.hosts[i] }) }
		if err := h.answer(p.ports(everyone, held), start); err != nil {
			return err
		}
	}
	if t.Pods != nil {
		held := func(a netip.Addr) bool {
			return !p.isClient(a) && p.in(a, func(f family) netip.Prefix { return f.podCIDR })
		}
		if err := t.Pods.answer(p.ports(everyone, held), start); err != nil {
			return err
		}
	}
	if ports := p.ports(p.isClient, p.isClient); !ports.Empty() {
		if err := start(t.Client, ports); err != nil {
			return err
		}
	}
	if t.Outside != nil && len(p.extras.OutsidePorts) > 0 {
		return start(t.Outside, p.outsidePorts())
	}
	return nil
}

func everyone(netip.Addr) bool { return true }

// answer starts the server of a host that holds ranges. SCTP takes no address
// for the host's own that is not one by name: its associations list them.
func (h *Host) answer(ports endpoint.Ports, start func(*Host, endpoint.Ports) error) error {
	if len(ports.SCTP) > 0 {
		links, err := h.links()
		if err != nil {
			return err
		}
		defer links.Close()
		lo, err := links.LinkByName("lo")
		if err != nil {
			return fmt.Errorf("finding lo of host %s: %w", h.Name, err)
		}
		named := map[netip.Addr]bool{}
		for _, a := range ports.SCTP {
			if named[a.Addr()] {
				continue
			}
			named[a.Addr()] = true
			if err := address(links, lo, only(a.Addr())); err != nil {
				return fmt.Errorf("host %s: %w", h.Name, err)
			}
		}
	}
	return start(h, ports)
}

// ports lists where a host answers: over TCP and UDP at the ports of the
// endpoints whose addresses are picked, over SCTP at each endpoint that it
// holds. In a microVM, which nobody shares, the servers leave the CPU to whoever
// is measured.
func (p *plan) ports(picked, held func(netip.Addr) bool) endpoint.Ports {
	type kind struct {
		proto  backends.Protocol
		family backends.Family
	}
	sets := map[kind]map[uint16]bool{}
	sctp := map[netip.AddrPort]bool{}
	for i := range p.state.Services {
		s := &p.state.Services[i]
		k := kind{s.Protocol, s.Family()}
		if sets[k] == nil {
			sets[k] = map[uint16]bool{}
		}
		for _, e := range s.Endpoints {
			switch at := e.Addr.Addr(); {
			case s.Protocol == backends.SCTP:
				if held(at) {
					sctp[e.Addr] = true
				}
			case picked(at):
				sets[k][e.Addr.Port()] = true
			}
		}
	}
	sorted := func(proto backends.Protocol, f backends.Family) []uint16 {
		return slices.Sorted(maps.Keys(sets[kind{proto, f}]))
	}
	return endpoint.Ports{
		TCP: sorted(backends.TCP, backends.IPv4), UDP: sorted(backends.UDP, backends.IPv4),
		TCP6: sorted(backends.TCP, backends.IPv6), UDP6: sorted(backends.UDP, backends.IPv6),
		SCTP:  slices.SortedFunc(maps.Keys(sctp), netip.AddrPort.Compare),
		Yield: os.Getenv(NodeEnv) == "vm",
	}
}

// outsidePorts are the same over both protocols in each family.
func (p *plan) outsidePorts() endpoint.Ports {
	ports := endpoint.Ports{Yield: os.Getenv(NodeEnv) == "vm"}
	for _, f := range p.families {
		if f.node.Is4() {
			ports.TCP, ports.UDP = p.extras.OutsidePorts, p.extras.OutsidePorts
		} else {
			ports.TCP6, ports.UDP6 = p.extras.OutsidePorts, p.extras.OutsidePorts
		}
	}
	return ports
}

func (p *plan) isClient(a netip.Addr) bool {
	return a == ClientAddr(&p.state.Node, backends.FamilyOf(a))
}

// in reports whether an address is in the prefix that of picks of its family.
func (p *plan) in(a netip.Addr, of func(family) netip.Prefix) bool {
	return slices.ContainsFunc(p.families, func(f family) bool { return of(f).Contains(a) })
}
