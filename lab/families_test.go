package lab_test

import (
	"errors"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
)

// familyState has a Service in each family over each protocol, with endpoints on
// both endpoint hosts, in the node's pod range and in the client itself.
func familyState(protocols []backends.Protocol, families ...backends.Family) *backends.State {
	s := &backends.State{Node: backends.Node{Name: "node-0"}}
	for _, f := range families {
		addr, pods, services := "192.168.0.1", "10.128.0.0/9", "10.96.0.0/12"
		local, client := "10.128.0.77", "10.128.0.2"
		remote := []string{"10.160.0.1", "10.223.255.254"}
		if f == backends.IPv6 {
			addr, pods, services = "fd00:1::1", "fd00:10:128::/48", "fd00:96::/112"
			local, client = "fd00:10:128::77", "fd00:10:128::2"
			remote = []string{"fd00:10:128:4000::1", "fd00:10:128:bfff:ffff:ffff:ffff:ffff"}
		}
		s.Node.Addrs = append(s.Node.Addrs, netip.MustParseAddr(addr))
		s.Node.ClusterCIDRs = append(s.Node.ClusterCIDRs, netip.MustParsePrefix(pods))
		s.Node.ServiceCIDRs = append(s.Node.ServiceCIDRs, netip.MustParsePrefix(services))
		vip := netip.MustParsePrefix(services).Addr().Next()
		for _, proto := range protocols {
			p := backends.ServicePort{Namespace: "test", Name: "all", Protocol: proto, ClusterIP: vip, Port: 80}
			for _, a := range append(remote, local, client) {
				p.Endpoints = append(p.Endpoints, backends.Endpoint{
					Addr: netip.AddrPortFrom(netip.MustParseAddr(a), 8080), Local: a == local || a == client,
				})
			}
			s.Services = append(s.Services, p)
		}
	}
	return s
}

// protocols are what this kernel speaks; the microVM's speaks all.
func protocols(t *testing.T) []backends.Protocol {
	t.Helper()
	all := []backends.Protocol{backends.TCP, backends.UDP, backends.SCTP}
	err := lab.SCTP()
	if err == nil {
		return all
	}
	var missing *backends.NotSupportedError
	if !errors.As(err, &missing) || missing.Mend == "" || missing.Kernel == "" || os.Getenv(lab.NodeEnv) == "vm" {
		t.Fatal(err)
	}
	return all[:2]
}

// Every host reaches every endpoint in every family and is seen as itself.
func TestEveryHostReachesEveryEndpoint(t *testing.T) {
	for name, families := range map[string][]backends.Family{
		"IPv4": {backends.IPv4}, "IPv6": {backends.IPv6}, "dual stack": {backends.IPv4, backends.IPv6},
	} {
		t.Run(name, func(t *testing.T) {
			state := familyState(protocols(t), families...)
			top, err := lab.BuildWith(t.Context(), state, lab.Extras{Outside: true})
			if err != nil {
				t.Fatal(err)
			}
			defer closeTopology(t, top)
			for _, p := range state.Services {
				for _, e := range p.Endpoints {
					for _, from := range []struct {
						host *lab.Host
						addr netip.Addr
					}{
						{top.Client, lab.ClientAddr(&state.Node, p.Family())},
						{top.Outside, lab.OutsideAddr(p.Family())},
						{nil, netip.Addr{}}, // the node
					} {
						var a probe.Answer
						ask := func() (err error) {
							a, err = probe.Ask(p.Protocol, e.Addr, 5*time.Second)
							return err
						}
						where := "the node"
						if from.host != nil {
							where = from.host.Name
							err = from.host.Do(ask)
						} else {
							err = ask()
						}
						if err != nil || a.Endpoint != e.Addr {
							t.Errorf("%s over %s from %s: answered by %s, %v", e.Addr, p.Protocol, where, a.Endpoint, err)
						}
						// Over SCTP a host that asks itself does so from any of its addresses.
						if from.host != nil && a.Client.Addr() != from.addr {
							t.Errorf("%s over %s from %s: saw %s, want %s", e.Addr, p.Protocol, where, a.Client.Addr(), from.addr)
						}
					}
				}
			}
		})
	}
}

// The outside host sends from any address of its range, and stands in for
// machines beyond it.
func TestOutsideHoldsItsRangeAndWhatIsBeyond(t *testing.T) {
	state := familyState([]backends.Protocol{backends.TCP}, backends.IPv4, backends.IPv6)
	beyond := []netip.Prefix{netip.MustParsePrefix("203.0.113.0/28"), netip.MustParsePrefix("2001:db8::/64")}
	top, err := lab.BuildWith(t.Context(), state, lab.Extras{Outside: true, Beyond: beyond, OutsidePorts: []uint16{7000}})
	if err != nil {
		t.Fatal(err)
	}
	defer closeTopology(t, top)
	for i, p := range state.Services {
		source := lab.OutsideAddr(p.Family()).Next().Next()
		err := top.Outside.Do(func() error {
			a, err := probe.AskFrom(netip.AddrPortFrom(source, 0), backends.TCP, p.Endpoints[0].Addr, 5*time.Second)
			if err == nil && a.Client.Addr() != source {
				t.Errorf("the endpoint saw %s, want %s", a.Client.Addr(), source)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		machine := netip.AddrPortFrom(beyond[i].Addr().Next(), 7000)
		for _, proto := range []backends.Protocol{backends.TCP, backends.UDP} {
			err = top.Client.Do(func() error {
				a, err := probe.Ask(proto, machine, 5*time.Second)
				if err == nil && a.Endpoint != machine {
					t.Errorf("%s was answered by %s", machine, a.Endpoint)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
}

// A state in IPv4 without local endpoints gets what it always got: three hosts
// and nothing of IPv6.
func TestHostsAreThereOnlyWhenNeeded(t *testing.T) {
	top, err := lab.Build(t.Context(), testState())
	if err != nil {
		t.Fatal(err)
	}
	defer closeTopology(t, top)
	if len(top.Endpoints) != 2 || top.Pods != nil || top.Outside != nil {
		t.Errorf("%d endpoint hosts, pods %v, outside %v", len(top.Endpoints), top.Pods, top.Outside)
	}
	err = top.Client.Do(func() error {
		_, err := probe.Ask(backends.TCP, netip.MustParseAddrPort("[fd00::1]:80"), time.Second)
		return err
	})
	if !errors.Is(err, unix.ENETUNREACH) && !errors.Is(err, unix.EADDRNOTAVAIL) {
		t.Errorf("dialing IPv6: %v, want no route", err)
	}
}

func TestBuildRefusesWhatItCannotBuild(t *testing.T) {
	for name, change := range map[string]func(*backends.State){
		"no address":      func(s *backends.State) { s.Node.Addrs = nil },
		"no cluster CIDR": func(s *backends.State) { s.Node.Addrs = append(s.Node.Addrs, netip.MustParseAddr("fd00::1")) },
	} {
		state := testState()
		change(state)
		if top, err := lab.Build(t.Context(), state); err == nil {
			closeTopology(t, top)
			t.Errorf("%s: it was built", name)
		}
	}
}
