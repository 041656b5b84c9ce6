package cluster_test

import (
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/cluster"
	"github.com/svcmark/svcmark/scenarios"
	"github.com/svcmark/svcmark/scenarios/scenariotest"
)

// anonymous is a random cluster, before and after.
func anonymous(t *testing.T, seed uint64, key string) (before, after *cluster.Cluster, view *cluster.View) {
	t.Helper()
	node := scenariotest.Node()
	read := func() *cluster.Cluster {
		b := cluster.NewBuilder()
		o := cluster.ObjectsOf(&node, scenariotest.Services(rand.New(rand.NewPCG(seed, 9)), 300))
		for i := range o.Services {
			b.Service(&o.Services[i])
		}
		for i := range o.EndpointSlices {
			b.EndpointSlice(&o.EndpointSlices[i])
		}
		for i := range o.Nodes {
			b.Node(&o.Nodes[i])
		}
		c, err := b.Cluster()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	before, after = read(), read()
	view, err := after.View(cluster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := after.Anonymize(key, view); err != nil {
		t.Fatal(err)
	}
	return before, after, view
}

// Nothing of the names is left, everything else is as it was, and the same key
// gives the same again.
func TestAnonymize(t *testing.T) {
	before, after, view := anonymous(t, 1, "secret")
	written := string((&scenarios.Scenario{Services: scenarios.Services{List: after.Services}, Network: view.Network, Node: view.Node}).YAML())
	for _, name := range []string{"ns-00", "app-0", "node-", "zone-", "name: p0", "203.0.113", "198.51.100", "198.18.", "198.19."} {
		if strings.Contains(written, name) {
			t.Errorf("%q is still there", name)
		}
	}
	for i := range after.Services {
		after.Services[i].Check(func(field, format string, args ...any) { t.Errorf("%s: "+format, append([]any{field}, args...)...) })
	}
	scenarios.CheckTogether(after.Services, func(i int, field, format string, args ...any) {
		t.Errorf("%s: "+format, append([]any{field}, args...)...)
	})
	// ClusterIPs are private and stay: they tell which Service is which.
	was := map[netip.Addr]*scenarios.Service{}
	for i := range before.Services {
		for _, a := range before.Services[i].ClusterIPs {
			was[a] = &before.Services[i]
		}
	}
	namespaces := map[string]string{}
	for i := range after.Services {
		is := &after.Services[i]
		if len(is.ClusterIPs) == 0 {
			continue
		}
		old := was[is.ClusterIPs[0]]
		if old == nil || old.Type != is.Type || len(old.Ports) != len(is.Ports) || len(old.Ingress) != len(is.Ingress) || len(old.Endpoints) != len(is.Endpoints) ||
			old.InternalLocal != is.InternalLocal || old.ExternalLocal != is.ExternalLocal || old.AffinitySeconds != is.AffinitySeconds || old.OtherProxy != is.OtherProxy {
			t.Fatalf("got %+v\nof  %+v", is, old)
		}
		if other, seen := namespaces[old.Namespace]; seen && other != is.Namespace {
			t.Errorf("the namespace %s became both %s and %s", old.Namespace, other, is.Namespace)
		}
		namespaces[old.Namespace] = is.Namespace
		for j := range is.Endpoints {
			for k, e := range is.Endpoints[j].Endpoints {
				o := old.Endpoints[j].Endpoints[k]
				if e.Addr != o.Addr || (e.Node == view.Node.Name) != (o.Node == "node-0") || len(e.Zones) != len(o.Zones) || len(e.Nodes) != len(o.Nodes) ||
					len(e.Zones) > 0 && (e.Zones[0] == view.Node.Zone) != (o.Zones[0] == "zone-0") || len(e.Nodes) > 0 && (e.Nodes[0] == view.Node.Name) != (o.Nodes[0] == "node-0") {
					t.Fatalf("the endpoint %+v became %+v", o, e)
				}
			}
		}
	}
	if _, again, _ := anonymous(t, 1, "secret"); !reflect.DeepEqual(again, after) {
		t.Error("the same key gives other names")
	}
	if _, other, _ := anonymous(t, 1, "other"); other.Services[0].Namespace == after.Services[0].Namespace {
		t.Error("another key gives the same names")
	}
}

// The first of the load balancers' addresses, whoever they belong to, are still
// of one range, and no two are one.
func TestAnonymizeAddresses(t *testing.T) {
	before, after, _ := anonymous(t, 2, "secret")
	public := func(c *cluster.Cluster) map[netip.Addr]bool {
		all := map[netip.Addr]bool{}
		for i := range c.Services {
			for _, in := range c.Services[i].Ingress {
				all[in.Addr] = true
			}
			for _, a := range c.Services[i].ExternalIPs {
				all[a] = true
			}
		}
		return all
	}
	was, is := public(before), public(after)
	if len(was) != len(is) {
		t.Errorf("%d addresses became %d", len(was), len(is))
	}
	ranges := func(all map[netip.Addr]bool) int {
		seen := map[netip.Prefix]bool{}
		for a := range all {
			p, _ := a.Prefix(24 * a.BitLen() / 32)
			seen[p] = true
		}
		return len(seen)
	}
	if ranges(was) != ranges(is) {
		t.Errorf("addresses of %d ranges are of %d ranges now", ranges(was), ranges(is))
	}
	for a := range is {
		if was[a] {
			t.Errorf("%s stayed", a)
		}
		if !a.IsGlobalUnicast() || a.IsPrivate() {
			t.Errorf("%s is no public address", a)
		}
	}
}
