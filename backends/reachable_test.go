package backends

import (
	"fmt"
	"strings"
	"testing"
)

// Each endpoint is described by letters: R ready, T serving and terminating,
// N not ready, X terminating and not serving; l local; n and m hinted for this
// and another node, z and y for this and another zone. The expectations were
// worked out by hand from CategorizeEndpoints of kube-proxy 1.36.3.
func TestReachable(t *testing.T) {
	node := &Node{Name: "here", Zone: "zone"}
	for _, c := range []struct {
		policies  string // i: internal Local, e: external Local, p: has a NodePort
		endpoints string
		want      string // cluster/local/all/any, by index
	}{
		{"", "", "//false"},
		{"", "R Rl N", "01//01/true"},
		{"", "N N", "//false"},
		{"", "Tl T N", "01//01/true"},
		{"", "R Tl", "0//0/true"},
		{"i", "R Rl Rl", "/12/12/true"},
		{"i", "R R", "///true"},
		{"i", "R Tl", "/1/1/true"},
		{"ip", "R Rl", "01/1/01/true"},
		{"ip", "R Tl", "0/1/01/true"},
		{"e", "R Rl", "01//01/true"}, // not reachable from outside: the policy is of no use
		{"ep", "R Rl", "01/1/01/true"},
		{"ep", "R R", "01//01/true"},
		{"ep", "T Tl", "01/1/01/true"},
		{"ep", "N N", "//false"},
		{"ep", "X Xl", "//false"},
		{"", "Rn Rm", "0//0/true"},
		{"", "Rm Rm", "01//01/true"},    // none is meant for this node
		{"", "Rn R", "01//01/true"},     // one has no hint
		{"", "Rn Rm N", "0//0/true"},    // the unready one need not have any
		{"", "Rz Ry", "0//0/true"},      // by zone
		{"", "Rmz Ry", "0//0/true"},     // not all have a node
		{"", "Rnz Rmz", "0//0/true"},    // the node comes before the zone
		{"", "Rmz Rmy", "0//0/true"},    // no endpoint for the node: by zone
		{"", "Ry Ry", "01//01/true"},    // none in this zone
		{"ep", "Rz Rly", "0/1/01/true"}, // Local pays no heed to hints
		{"i", "Rlz Rly", "/01/01/true"},
	} {
		p := full()
		p.NodePort, p.ExternalIPs, p.LoadBalancerIPs = 0, nil, nil
		p.InternalLocal, p.ExternalLocal = strings.Contains(c.policies, "i"), strings.Contains(c.policies, "e")
		if strings.Contains(c.policies, "p") {
			p.NodePort = 30000
		}
		p.Endpoints = nil
		for i, word := range strings.Fields(c.endpoints) {
			e := endpoint(fmt.Sprintf("10.0.0.%d:80", i))
			e.Conditions = map[byte]Conditions{'R': 0, 'N': NotReady | NotServing, 'T': NotReady | Terminating, 'X': NotReady | NotServing | Terminating}[word[0]]
			for _, letter := range word[1:] {
				if letter != 'l' && e.Hints == nil {
					e.Hints = &Hints{}
				}
				switch letter {
				case 'l':
					e.Local = true
				case 'n':
					e.Hints.Nodes = append(e.Hints.Nodes, "here")
				case 'm':
					e.Hints.Nodes = append(e.Hints.Nodes, "there")
				case 'z':
					e.Hints.Zones = append(e.Hints.Zones, "zone")
				case 'y':
					e.Hints.Zones = append(e.Hints.Zones, "other")
				}
			}
			p.Endpoints = append(p.Endpoints, e)
		}
		r := p.Reachable(node)
		index := func(list []Endpoint) (s string) {
			for _, e := range list {
				s += e.Addr.Addr().String()[len("10.0.0."):]
			}
			return s
		}
		got := fmt.Sprintf("%s/%s/%s/%v", index(r.Cluster), index(r.Local), index(r.All), r.Any)
		if want := strings.Replace(c.want, "//false", "///false", 1); got != want {
			t.Errorf("policies %q, endpoints %q: %s, want %s", c.policies, c.endpoints, got, want)
		}
	}
}

func TestReachableOfAnOrdinaryServiceAllocatesNothing(t *testing.T) {
	p, node := full(), &Node{}
	if n := testing.AllocsPerRun(100, func() { p.Reachable(node) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
