package cluster_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/svcmark/svcmark/cluster"
	"github.com/svcmark/svcmark/scenarios"
	"github.com/svcmark/svcmark/scenarios/scenariotest"
)

// Going to objects and back changes nothing that any node depends on.
func TestObjectsRoundTrip(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			services := scenariotest.Services(rand.New(rand.NewPCG(seed, 0)), 150)
			node := scenariotest.Node()
			objects := cluster.ObjectsOf(&node, services)
			back, err := cluster.Services(objects.Services, objects.EndpointSlices)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"node-0", "node-1", "elsewhere"} {
				node.Name = name
				got, want := scenarios.Expand(node, back), scenarios.Expand(node, services)
				if len(got.Services) != len(want.Services) {
					t.Fatalf("%d ServicePorts, want %d", len(got.Services), len(want.Services))
				}
				for i := range want.Services {
					if !reflect.DeepEqual(got.Services[i], want.Services[i]) {
						t.Fatalf("for %s got\n%+v\nwant\n%+v", name, got.Services[i], want.Services[i])
					}
				}
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("for %s got\n%+v\nwant\n%+v", name, got.Unserved, want.Unserved)
				}
				if err := got.Check(); err != nil {
					t.Errorf("the State is none that a backend takes: %v", err)
				}
			}
		})
	}
}
