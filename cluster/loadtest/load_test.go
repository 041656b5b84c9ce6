// Package loadtest feeds the native tools what svcmark renders of an imported
// cluster.
package loadtest

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/iptables"
	"github.com/svcmark/svcmark/backends/ipvs"
	"github.com/svcmark/svcmark/backends/nftables"
	"github.com/svcmark/svcmark/cluster"
	"github.com/svcmark/svcmark/lab/labtest"
	"github.com/svcmark/svcmark/scenarios"
	"github.com/svcmark/svcmark/scenarios/scenariotest"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// imported is the scenario that comes out of a cluster with every kind of
// Service, by way of its JSON and its YAML.
func imported(t *testing.T) *scenarios.Scenario {
	t.Helper()
	node := scenariotest.Node()
	objects := cluster.ObjectsOf(&node, scenariotest.Services(rand.New(rand.NewPCG(3, 3)), 120))
	var dump bytes.Buffer
	out := json.NewEncoder(&dump)
	for i := range objects.Services {
		encode(t, out, &objects.Services[i])
	}
	for i := range objects.EndpointSlices {
		encode(t, out, &objects.EndpointSlices[i])
	}
	encode(t, out, &objects.Nodes[0])
	c, err := cluster.Read(&dump, nil)
	if err != nil {
		t.Fatal(err)
	}
	view, err := c.View(cluster.Options{ClusterCIDRs: node.ClusterCIDRs, ServiceCIDRs: node.ServiceCIDRs})
	if err != nil {
		t.Fatal(err)
	}
	written := &scenarios.Scenario{
		Metadata: scenarios.Metadata{Name: "imported"}, Services: scenarios.Services{List: c.Services},
		Backends: []string{"any"}, Measure: []string{"sync"}, Operations: 1, Traffic: scenarios.DefaultTraffic(), Churn: scenarios.DefaultChurn(), Network: view.Network, Node: view.Node,
	}
	s, err := scenarios.Parse("imported.yaml", written.YAML(), scenarios.Known{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func encode(t *testing.T, out *json.Encoder, object any) {
	t.Helper()
	if err := out.Encode(object); err != nil {
		t.Fatal(err)
	}
}

// toolTimeout is for a tool that hangs; none takes a tenth of it.
const toolTimeout = 5 * time.Minute

// The tools take every part without a word, of a cluster twice over.
func TestToolsLoadRenderings(t *testing.T) {
	state := imported(t).State(2*120, scenarios.Listed)
	if err := state.Check(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		backend backends.Backend
	}{
		{"iptables-legacy", iptables.New(iptables.Legacy)},
		{"iptables-nft", iptables.New(iptables.NFT)},
		{"nftables", nftables.New(nftables.Layout136)},
		{"nftables@1.31", nftables.New(nftables.Layout131)},
		{"ipvs", ipvs.New(ipvs.Options{Iptables: "iptables-legacy"})},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.backend.Probe(t.Context()); err != nil {
				if os.Getenv("SVCMARK_NODE") != "netns" {
					t.Fatal(err) // the guest has everything
				}
				t.Logf("this kernel cannot: %v", err)
				return
			}
			parts, err := c.backend.(backends.Renderer).Render(state)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range parts {
				var input bytes.Buffer
				if err := p.Write(&input); err != nil {
					t.Fatal(err)
				}
				if input.Len() == 0 {
					t.Errorf("%s is empty", p.Name)
				}
				ctx, cancel := context.WithTimeout(t.Context(), toolTimeout)
				defer cancel()
				cmd := exec.CommandContext(ctx, p.Command[0], p.Command[1:]...)
				cmd.Stdin = &input
				if said, err := cmd.CombinedOutput(); err != nil || len(said) > 0 {
					t.Errorf("%s: %v: %v: %s", p.Name, p.Command, err, said)
				}
			}
			if err := c.backend.Cleanup(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
