package ipvs

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// vip is the key of a virtual server.
type vip struct {
	addr  [4]byte
	port  uint16
	proto uint8 // unix.IPPROTO_TCP or unix.IPPROTO_UDP
}

func (v vip) String() string {
	return fmt.Sprintf("%s %s:%d", protocolName(v.proto), netip.AddrFrom4(v.addr), v.port)
}

// protocolName is how ipset and ipvsadm call a protocol.
func protocolName(proto uint8) string {
	switch proto {
	case unix.IPPROTO_TCP:
		return "tcp"
	case unix.IPPROTO_UDP:
		return "udp"
	case unix.IPPROTO_SCTP:
		return "sctp"
	}
	return fmt.Sprintf("protocol %d", proto)
}

// dest is the key of a real server within its virtual server.
type dest struct {
	addr [4]byte
	port uint16
}

func (d dest) String() string { return netip.AddrPortFrom(netip.AddrFrom4(d.addr), d.port).String() }

// server is a virtual server that should exist, with its real servers.
type server struct {
	vip
	dests []dest // no two equal
}

// want is a state as kernel objects, each one once, in the state's order.
type want struct {
	state    *backends.State
	servers  []server
	addrs    [][4]byte // of kube-ipvs0
	loopback []entry   // of KUBE-LOOP-BACK
	rules    ruleset
}

// desire works out the kernel objects of a state, and refuses a state that the
// kernel could not hold.
func desire(state *backends.State) (*want, error) {
	n := len(state.Services)
	endpoints := 0
	for i := range state.Services {
		endpoints += len(state.Services[i].Endpoints)
	}
	w := &want{state: state, servers: make([]server, 0, n), addrs: make([][4]byte, 0, n)}
	dests := make([]dest, 0, endpoints) // one array for all: servers hold pieces of it
	seen := make(map[vip]struct{}, n)
	bound := make(map[[4]byte]struct{}, n)
	looped := make(map[entry]struct{})
	for i := range state.Services {
		p := &state.Services[i]
		v, err := vipOf(p)
		if err != nil {
			return nil, err
		}
		if _, dup := seen[v]; dup {
			return nil, fmt.Errorf("two ServicePorts have the VIP %v, the second is %v", v, p)
		}
		seen[v] = struct{}{}
		if _, dup := bound[v.addr]; !dup {
			bound[v.addr] = struct{}{}
			w.addrs = append(w.addrs, v.addr)
		}
		first := len(dests)
		for j := range p.Endpoints {
			e := &p.Endpoints[j]
			if !e.Addr.Addr().Is4() || e.Addr.Port() == 0 {
				return nil, fmt.Errorf("the Endpoint %v of %v: only IPv4 with a port is supported", e.Addr, p)
			}
			d := dest{e.Addr.Addr().As4(), e.Addr.Port()}
			// They are sorted: equal ones are neighbours.
			if len(dests) > first && dests[len(dests)-1] == d {
				continue
			}
			dests = append(dests, d)
			if !e.Local {
				continue
			}
			// Pods may have a port in common between Services.
			loop := entry{ip: d.addr, port: d.port, proto: v.proto, ip2: d.addr}
			if _, dup := looped[loop]; !dup {
				looped[loop] = struct{}{}
				w.loopback = append(w.loopback, loop)
			}
		}
		w.servers = append(w.servers, server{v, dests[first:len(dests):len(dests)]})
	}
	for set, n := range map[string]int{setClusterIP: len(w.servers), setLoopBack: len(w.loopback), setIPVSAddrs: len(w.addrs)} {
		if n > maxElements {
			return nil, fmt.Errorf("set %s needs %d entries and holds %d, as kube-proxy creates it: use fewer Services", set, n, maxElements)
		}
	}
	w.rules = ruleset{
		clusterCIDR: state.Node.ClusterCIDR(backends.IPv4),
		clusterIPs:  len(w.servers) > 0,
		loopBack:    len(w.loopback) > 0,
	}
	return w, nil
}

func vipOf(p *backends.ServicePort) (vip, error) {
	v := vip{port: p.Port}
	switch p.Protocol {
	case backends.TCP:
		v.proto = unix.IPPROTO_TCP
	case backends.UDP:
		v.proto = unix.IPPROTO_UDP
	default:
		return v, fmt.Errorf("the ServicePort %v: protocol %q is not supported", p, p.Protocol)
	}
	if !p.ClusterIP.Is4() || p.Port == 0 {
		return v, fmt.Errorf("the ServicePort %v: VIP %v: only IPv4 with a port is supported", p, p.VIP())
	}
	v.addr = p.ClusterIP.As4()
	return v, nil
}
