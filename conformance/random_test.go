package conformance_test

import (
	"reflect"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/conformance"
)

// A Walk goes through clusters that the API accepts and that have all that there
// is to compare, and goes the same way again.
func TestWalk(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(10) {
		w, again := conformance.NewWalk(seed), conformance.NewWalk(seed)
		for range 10 {
			o := w.Objects()
			state, err := o.State()
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if !reflect.DeepEqual(o, again.Objects()) {
				t.Fatalf("seed %d goes two ways", seed)
			}
			for i := range state.Services {
				note(seen, state, &state.Services[i])
			}
			seen["unserved"] = seen["unserved"] || len(state.Unserved) > 0
			w.Step()
			again.Step()
		}
	}
	for _, what := range []string{
		"TCP", "UDP", "SCTP", "IPv4", "IPv6", "node port", "external IP", "load balancer", "source ranges", "health check",
		"internal Local", "external Local", "affinity", "unnamed", "unserved", "no endpoints", "none usable", "fallback", "hints",
		"only local", "no local",
	} {
		if !seen[what] {
			t.Errorf("no walk has %s", what)
		}
	}
}

func note(seen map[string]bool, state *backends.State, p *backends.ServicePort) {
	r := p.Reachable(&state.Node)
	for what, is := range map[string]bool{
		string(p.Protocol): true, string(p.Family()): true, "node port": p.NodePort != 0, "external IP": len(p.ExternalIPs) > 0,
		"load balancer": len(p.LoadBalancerIPs) > 0, "source ranges": len(p.SourceRanges) > 0, "health check": p.HealthCheckNodePort != 0,
		"internal Local": p.InternalLocal, "external Local": p.ExternalLocal, "affinity": p.AffinitySeconds > 0, "unnamed": p.PortName == "",
		"no endpoints": len(p.Endpoints) == 0, "none usable": len(p.Endpoints) > 0 && !r.Any,
		"fallback":   len(r.Cluster) > 0 && !r.Cluster[0].Ready(),
		"hints":      len(r.Cluster) > 0 && r.Cluster[0].Ready() && r.Cluster[0].Hints != nil,
		"only local": p.InternalLocal && len(r.Local) > 0, "no local": p.ExternalLocal && r.Any && len(r.Local) == 0,
	} {
		seen[what] = seen[what] || is
	}
}
