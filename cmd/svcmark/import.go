package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/svcmark/svcmark/cluster"
	"github.com/svcmark/svcmark/scenarios"
)

// viewFlags say for which node of a cluster.
type viewFlags struct {
	name         string
	ips          []string
	clusterCIDRs []string
	serviceCIDRs []string
}

func (f *viewFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.name, "node-name", "", "the `name` of the node whose dataplane it is")
	flags.StringSliceVar(&f.ips, "node-ip", nil, "the node's IP `address`, or one of each family")
	flags.StringSliceVar(&f.clusterCIDRs, "cluster-cidr", nil, "the `range` that holds every pod, or one of each family")
	flags.StringSliceVar(&f.serviceCIDRs, "service-cidr", nil, "the `range` that holds every ClusterIP, or one of each family")
}

func (f *viewFlags) options() (o cluster.Options, err error) {
	o.NodeName = f.name
	if o.NodeIPs, err = parseEach("--node-ip", "IP address", f.ips, netip.ParseAddr); err != nil {
		return o, err
	}
	if o.ClusterCIDRs, err = parseEach("--cluster-cidr", "address range", f.clusterCIDRs, netip.ParsePrefix); err != nil {
		return o, err
	}
	o.ServiceCIDRs, err = parseEach("--service-cidr", "address range", f.serviceCIDRs, netip.ParsePrefix)
	return o, err
}

func parseEach[T any](flag, what string, texts []string, parse func(string) (T, error)) ([]T, error) {
	var list []T
	for _, s := range texts {
		v, err := parse(s)
		if err != nil {
			return nil, usagef("%s: %q is no %s", flag, s, what)
		}
		list = append(list, v)
	}
	return list, nil
}

type importFlags struct {
	view      viewFlags
	name      string
	anonymize bool
	key       string
	times     []int
}

func newImport(s *streams) *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Make a scenario of a real cluster's Services",
		Long: `Read what kubectl prints of a cluster from a file, or from stdin, and write to
stdout a scenario that lists its Services and endpoints with every field that a
node's dataplane depends on.

Lists as kubectl prints them are read, objects one after another, and documents
with arrays called services, endpointSlices and nodes. What the Kubernetes API
would refuse is refused with the object and the field. What kube-proxy pays no
heed to is counted on stderr.

What the objects do not tell is guessed; comments in the scenario say how.`,
		Example: `  kubectl get services,endpointslices,nodes -A -o json | svcmark import - > mine.yaml
  svcmark import dump.json --node-name worker-3 --cluster-cidr 10.244.0.0/16 > mine.yaml
  svcmark import dump.json --times 1,2,3,4 > growing.yaml
  svcmark import dump.json --anonymize --key "$(cat secret)" > public.yaml
  svcmark render mine.yaml --backend iptables-legacy
  svcmark run mine.yaml --backends iptables-legacy,ipvs`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("key") && !f.anonymize {
				return usagef("--key is what --anonymize renames by; give both")
			}
			return f.run(s, args[0])
		},
	}
	f.view.register(cmd)
	cmd.Flags().StringVar(&f.name, "name", "imported", "the scenario's `name`")
	cmd.Flags().IntSliceVar(&f.times, "times", nil, "have the scenario run the cluster so `many` times over: 1,2,3,4")
	cmd.Flags().BoolVar(&f.anonymize, "anonymize", false, "rename namespaces, Services, ports, nodes, zones and public addresses, always in the same way")
	cmd.Flags().StringVar(&f.key, "key", "", "a secret `text` without which nobody can find out what was renamed to what")
	return cmd
}

func (f *importFlags) run(s *streams, name string) error {
	options, err := f.view.options()
	if err != nil {
		return err
	}
	options.Times = slices.Max(append(f.times, 1))
	c, err := readCluster(s, name)
	if err != nil {
		return err
	}
	if len(c.Services) == 0 {
		return usagef("%s: holds no Service", name)
	}
	scenario, notes, err := f.scenario(c, options)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(s.out)
	for _, note := range notes {
		fmt.Fprintf(w, "# %s\n", note)
	}
	_, _ = w.Write(scenario.YAML()) // Flush returns the first error
	return w.Flush()
}

// scenario is the cluster's, with what else a scenario says.
func (f *importFlags) scenario(c *cluster.Cluster, o cluster.Options) (*scenarios.Scenario, []string, error) {
	view, err := c.View(o)
	if err != nil {
		return nil, nil, usageError{err}
	}
	if f.anonymize {
		if err := c.Anonymize(f.key, view); err != nil {
			return nil, nil, err
		}
	}
	services, endpoints := c.Size()
	known := registry().Known()
	of := func(list, known []string) []string {
		return slices.DeleteFunc(list, func(name string) bool { return !slices.Contains(known, name) })
	}
	scenario := &scenarios.Scenario{
		Metadata: scenarios.Metadata{Name: f.name, Description: fmt.Sprintf("A cluster's %d Services with %d endpoints, imported.", services, endpoints)},
		Seed:     1,
		Services: scenarios.Services{List: c.Services},
		// iptables-nft is not among them: beyond 1,000 Services it takes minutes.
		Backends:   of([]string{"direct", "iptables-legacy", "ipvs", "nftables"}, known.Backends),
		Measure:    of([]string{"sync", "firstPacket", "roundTrip", "cpu", "memory", "objects"}, known.Measurements),
		Operations: 200,
		Traffic:    scenarios.DefaultTraffic(),
		Churn:      scenarios.DefaultChurn(),
		Network:    view.Network,
		Node:       view.Node,
	}
	scenario, err = scenario.With(scenarios.Overrides{Times: f.times}, known)
	return scenario, view.Notes, err
}

// readCluster reads the objects of a file, or of stdin, and says on stderr how
// far it is when that takes long, and what it passed over.
func readCluster(s *streams, name string) (*cluster.Cluster, error) {
	in := s.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, usageError{err}
		}
		defer f.Close()
		in = f
	}
	return decodeCluster(s, name, in)
}

func decodeCluster(s *streams, name string, in io.Reader) (*cluster.Cluster, error) {
	const every = 2 * time.Second
	next := time.Now().Add(every)
	c, err := cluster.Read(in, func(bytes int64) {
		if now := time.Now(); now.After(next) {
			fmt.Fprintf(s.err, "read %d MiB\n", bytes>>20)
			next = now.Add(every)
		}
	})
	if err != nil {
		if mistakes := (*cluster.Mistakes)(nil); errors.As(err, &mistakes) {
			return nil, usagef("%s holds what no API server would:\n%w", name, err)
		}
		return nil, usagef("%s: %w", name, err)
	}
	for _, what := range slices.Sorted(maps.Keys(c.PassedOver)) {
		fmt.Fprintf(s.err, "passed over: %d %s\n", c.PassedOver[what], what)
	}
	return c, nil
}
