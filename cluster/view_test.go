package cluster_test

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/cluster"
)

const aCluster = `{"services":[
	{"metadata":{"namespace":"default","name":"kubernetes"},"spec":{"clusterIP":"10.96.0.1","ports":[{"port":443}]}},
	{"metadata":{"namespace":"a","name":"b"},"spec":{"clusterIPs":["10.97.3.4","fd00:60::ff"],"ports":[{"port":80}]}}],
	"endpointSlices":[{"metadata":{"namespace":"a","name":"b-1","labels":{"kubernetes.io/service-name":"b"}},"addressType":"IPv4","ports":[{"name":"","port":8080}],
	"endpoints":[{"addresses":["10.244.1.1"],"nodeName":"n1"},{"addresses":["10.244.2.1"],"nodeName":"n2"},{"addresses":["10.244.2.2"],"nodeName":"n2"},{"addresses":["10.244.9.1"],"nodeName":"n9"},{"addresses":["10.244.9.2"],"nodeName":"n9"},{"addresses":["10.244.9.3"],"nodeName":"n9"}]}]`

const itsNodes = `,"nodes":[
	{"metadata":{"name":"n1"},"spec":{"podCIDRs":["10.244.1.0/24","fd00:80:0:1::/64"]},"status":{"addresses":[{"type":"InternalIP","address":"192.168.1.1"}]}},
	{"metadata":{"name":"n2","labels":{"topology.kubernetes.io/zone":"z"}},"spec":{"podCIDRs":["10.244.2.0/24","fd00:80:0:2::/64"]},"status":{"addresses":[{"type":"InternalIP","address":"192.168.1.2"}]}}]`

// What the objects do not say is guessed, and said so.
func TestView(t *testing.T) {
	ips := func(s ...string) (list []netip.Addr) {
		for _, a := range s {
			list = append(list, netip.MustParseAddr(a))
		}
		return list
	}
	ranges := func(s ...string) []netip.Prefix {
		list := []netip.Prefix{}
		for _, p := range s {
			list = append(list, netip.MustParsePrefix(p))
		}
		return list
	}
	for _, c := range []struct {
		name, in           string
		options            cluster.Options
		node, zone         string
		addrs              []netip.Addr
		services, clusters []netip.Prefix
		notes              string
	}{
		{
			name: "all guessed", in: aCluster + itsNodes + "}",
			node: "n2", zone: "z", addrs: ips("192.168.1.2"),
			services: ranges("10.96.0.0/15", "fd00:60::/112"), clusters: ranges("10.244.0.0/22", "fd00:80::/62"),
			notes: "most endpoints.*network.serviceCIDR is a guess.*network.clusterCIDR is a guess",
		},
		{
			name: "several times", in: aCluster + itsNodes + "}", options: cluster.Options{Times: 100_000}, // for which no node has room
			node: "n1", addrs: ips("192.168.1.1"),
			services: ranges("10.96.0.0/14", "fd00:60::/111"), clusters: ranges("10.244.0.0/22", "fd00:80::/62"),
			notes: "most endpoints of which the lab has room for 100000 times.*network.serviceCIDR is a guess: the smallest range that holds every ClusterIP, and as many for 100000 times the cluster",
		},
		{
			name: "all given", in: aCluster + itsNodes + "}",
			options: cluster.Options{NodeName: "n1", NodeIPs: ips("10.0.0.1"), ClusterCIDRs: ranges("10.244.0.0/16"), ServiceCIDRs: ranges("10.96.0.0/12")},
			node:    "n1", addrs: ips("10.0.0.1"), services: ranges("10.96.0.0/12"), clusters: ranges("10.244.0.0/16"),
		},
		{
			name: "without nodes", in: aCluster + "}", node: "n9",
			services: ranges("10.96.0.0/15", "fd00:60::/112"), clusters: ranges(),
			notes: "most endpoints.*node.addresses are the lab's own.*network.serviceCIDR is a guess.*network.clusterCIDR is empty",
		},
	} {
		read, err := cluster.Read(strings.NewReader(c.in), nil)
		if err != nil {
			t.Fatal(err)
		}
		v, err := read.View(c.options)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if v.Node.Name != c.node || v.Node.Zone != c.zone || !reflect.DeepEqual(v.Node.Addrs, c.addrs) ||
			!reflect.DeepEqual(v.Network.ServiceCIDRs, c.services) || !reflect.DeepEqual(v.Network.ClusterCIDRs, c.clusters) {
			t.Errorf("%s: got %+v", c.name, v)
		}
		notes := strings.Join(v.Notes, " ")
		for _, want := range strings.Split(c.notes, ".*") {
			if !strings.Contains(notes, want) {
				t.Errorf("%s: the notes %q say nothing of %q", c.name, notes, want)
			}
		}
		if c.notes == "" && notes != "" {
			t.Errorf("%s: got the notes %q", c.name, notes)
		}
	}
	read, err := cluster.Read(strings.NewReader(aCluster+itsNodes+"}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := read.View(cluster.Options{NodeName: "n3"}); err == nil || err.Error() != "the cluster has no node n3; of its 2 nodes the first is n1" {
		t.Errorf("got %v", err)
	}
}
