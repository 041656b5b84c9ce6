package backendtest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ipvs"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
)

// What clients see of a scheduler beside its law, in words of the table.
const (
	one    = "one endpoint"
	others = "the others"
	silent = "nobody, for its share"
)

// scheduler is what is known of one, for the page and for the tests.
type scheduler struct {
	name string
	says string // its law
	// short is who answers short connections that come one after the other from one
	// pod, when all weights are 1.
	short string
	// drains is who answers the new connections of an endpoint that is gone and
	// waits for its old ones to end: kube-proxy gives it the weight 0.
	drains string
}

func schedulers() []scheduler {
	every := string(Every)
	return []scheduler{
		{"rr", "one after the other, round and round", every, others},
		{"wrr", "in turn, each as often as its weight says: those of the greatest weight first, then those of the next too, and so on", every, others},
		{"lc", "the fewest connections: an open one counts as 256 closed ones that are not yet forgotten", every, others},
		{"wlc", "the fewest connections by weight", every, others},
		{"sed", "the fewest open connections, and one, by weight", one, others},
		{"nq", "any that has no open connection; else as `sed`", one, others},
		{"twos", "of two that are drawn by weight, the one with fewer connections by weight", every, others},
		{"lblc", "as `wlc`, and then the same for this VIP, until it has more open connections than its weight while another has less than half of its own", one, others},
		{"lblcr", "as `lblc`, but the VIP keeps what it had: the least loaded of that set", one, others},
		{"dh", "by the VIP's address, whichever the port", one, silent},
		{"sh", "by the client's address, whichever the Service", one, silent},
		{"mh", "by the client's address and port, whichever the Service; when an endpoint goes few clients of others move (Maglev)", every, silent},
		{"fo", "the greatest weight", one, others},
		{"ovf", "the greatest weight, until that has more open connections than its weight; when all have, nobody", one, others},
	}
}

// schedulersPage is what docs/schedulers.md says.
func schedulersPage() string {
	var b strings.Builder
	b.WriteString(`# The schedulers of IPVS

` + "`ipvs`" + ` is kube-proxy's default, ` + "`rr`" + `. Each scheduler is a backend too, ` + "`ipvs-NAME`" + `: the same objects with another scheduler, as kube-proxy's
` + "`--ipvs-scheduler`" + ` makes them. A kernel without the module ` + "`ip_vs_NAME`" + ` cannot run it, and ` + "`svcmark doctor`" + ` names it. How other
dataplanes give connections to endpoints is in [behaviours.md](behaviours.md); ` + "`ebpf-tc-maglev`" + ` takes them by a hash of the connection from Maglev's table.

kube-proxy gives every endpoint the weight 1, and 0 to one that is gone while its connections last. With equal weights ` + "`wrr`" + ` chooses
as ` + "`rr`" + `, ` + "`wlc`" + ` as ` + "`lc`" + ` and ` + "`nq`" + ` as ` + "`sed`" + `, and ` + "`ovf`" + ` leaves each endpoint no more than two open connections. Where a law leaves a
choice the endpoint that was programmed last has it. UDP has no open connections: a flow counts as one that is
closed and not yet forgotten, for five minutes after its last packet. ` + "`dh`, `sh` and `mh`" + ` keep the place of an endpoint that drains,
and refuse what falls to it.

The laws were written from ` + "`net/netfilter/ipvs/ip_vs_NAME.c`" + `, and the kernel of the vm lab is held to them with packets, connection by
connection, with weights and without (package backends/backendtest, which this page is made from); each law refuses what
every other scheduler does. Of ` + "`dh`, `sh` and `mh`" + ` the hash itself is not foretold: it must take what it should and nothing else, and deal
its shares. ` + "`twos`" + ` draws, and is held to its odds by a kernel that has it; Debian's 6.1 has not, and so only imagined draws were.

| scheduler | new connections go to | short ones, one after the other, go to | while an endpoint drains, its connections go to |
| --- | --- | --- | --- |
`)
	for _, s := range schedulers() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.name, s.says, s.short, s.drains)
	}
	return b.String()
}

func TestSchedulersAreDocumented(t *testing.T) {
	var names []string
	for _, s := range schedulers() {
		names = append(names, s.name)
	}
	if want := slices.Sorted(slices.Values(ipvs.Schedulers())); !slices.Equal(slices.Sorted(slices.Values(names)), want) {
		t.Errorf("the table has %q, and ipvs has %q", names, want)
	}
	const page = "../../docs/schedulers.md"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(page, []byte(schedulersPage()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != schedulersPage() {
		t.Errorf("%s is not what the table says: run this test with UPDATE=1", page)
	}
}

// TestSchedulers holds every scheduler that this kernel has to its law, with packets:
// all in one topology, each with Services of its own, so that nobody's connections
// count for another. It syncs each over what the one before it left.
func TestSchedulers(t *testing.T) {
	n := dualNode()
	top, err := lab.BuildWith(context.WithoutCancel(t.Context()), everything(), extras(&n))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := top.Close(); err != nil {
			t.Error(err)
		}
	}()
	traces := map[string]trace{}
	var last *ipvs.Backend
	for i, s := range schedulers() {
		t.Run(s.name, func(t *testing.T) {
			b := ipvs.New(ipvs.Options{Scheduler: s.name, Iptables: "iptables-legacy"})
			if !hasScheduler(t, b, s.name) {
				return
			}
			last = b
			of := &trial{addresses: addresses{backends.IPv4, &n}, ctx: t.Context(), topology: top}
			l := &lawful{trial: of, scheduler: s, b: b, base: 300 + 32*i, port: uint16(10000 + 1000*i)}
			l.run(t)
			if l.trace != nil {
				traces[s.name] = l.trace
			}
		})
	}
	if last == nil {
		return
	}
	if err := last.Cleanup(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
	if len(traces) < len(judged()) && os.Getenv(lab.NodeEnv) == "vm" {
		t.Errorf("only %d schedulers were judged", len(traces))
	}
	apart(t, traces)
}

// hasScheduler probes. A kernel that lacks the scheduler says which module it is;
// the microVM's lacks only twos.
func hasScheduler(t *testing.T, b *ipvs.Backend, name string) bool {
	t.Helper()
	err := b.Probe(t.Context())
	missing := (*backends.NotSupportedError)(nil)
	switch {
	case err == nil:
		return true
	case !errors.As(err, &missing), missing.Feature == "", missing.Mend == "":
		t.Error(err)
	case os.Getenv(lab.NodeEnv) == "vm" && name != "twos":
		t.Error(err)
	case os.Getenv(lab.NodeEnv) == "vm" && !strings.Contains(missing.Feature, "ip_vs_"+name):
		t.Errorf("%v: want the module's name", err)
	default:
		t.Logf("this kernel cannot run it: %v", err)
	}
	return false
}

// lawful holds one scheduler to what is known of it.
type lawful struct {
	*trial
	scheduler scheduler
	b         *ipvs.Backend
	base      int    // the number of its first Service
	port      uint16 // the first of its source ports
	trace     trace
}

func (l *lawful) run(t *testing.T) {
	state := programmed(*l.node, nil)
	state.Services = lawServices(l.addresses, l.base, l.scheduler.name)
	short := lawService(l.addresses, l.base, l.scheduler.name, alike, 0)
	short.Name, short.ClusterIP = l.scheduler.name+"-short", l.vip(l.base+20)
	state.Services = append(state.Services, short)
	byWeight, full, less := hashServices(l.addresses, l.base, l.scheduler.name)
	switch l.scheduler.name {
	case "sh", "mh":
		state.Services = append(state.Services, byWeight, full, less)
	case "twos":
		state.Services = append(state.Services, byWeight)
	}
	sortServices(state.Services)
	sync(t, l.b, state)
	tr, open, err := l.play(script(l.addresses, l.port), func(s step) *backends.ServicePort {
		p := lawService(l.addresses, l.base, l.scheduler.name, s.role, s.number)
		return &p
	})
	defer open.close()
	if err != nil {
		t.Fatal(err)
	}
	l.trace = tr
	got, err := l.shorts(&short)
	if err != nil {
		t.Fatal(err)
	}
	if got != l.scheduler.short {
		t.Errorf("short connections go to %s, want %s", got, l.scheduler.short)
	}
	switch l.scheduler.name {
	case "sh", "mh":
		l.hashes(t, &byWeight, &full, &less)
	case "twos":
		l.draws(t, &byWeight)
	}
	if got, err = l.drains(t.Context(), state, open); err != nil {
		t.Fatal(err)
	}
	if got != l.scheduler.drains {
		t.Errorf("while an endpoint drains its connections go to %s, want %s", got, l.scheduler.drains)
	}
	l.conforms(t)
}

// shortAsks are enough for every endpoint to answer, where every one does: mh's
// answers are the same every time, and twos misses one of four that has no
// connection with a chance of 9/16 at most.
const shortAsks = 60

func (l *lawful) shorts(p *backends.ServicePort) (string, error) {
	seen := map[int]bool{}
	err := l.topology.Pods.Do(func() error {
		for i := range shortAsks {
			c, err := l.connect(p, netip.AddrPortFrom(l.local(100).Addr.Addr(), l.port+uint16(300+i)))
			if err != nil {
				return err
			}
			c.close()
			seen[c.met] = true
		}
		return nil
	})
	switch {
	case err != nil:
		return "", err
	case seen[none]:
		return silent, nil
	case len(seen) == 1:
		return one, nil
	case len(seen) == lawEndpoints:
		return string(Every), nil
	}
	return "", fmt.Errorf("%d of %d endpoints answer", len(seen), lawEndpoints)
}

// drains takes an endpoint out that has an open connection, and asks who gets the
// new ones. Others' connections are closed before, so that nobody is full.
func (l *lawful) drains(ctx context.Context, state *backends.State, open connections) (string, error) {
	if len(open[alike]) == 0 || open[alike][0].flow == nil {
		return "", errors.New("no connection is open")
	}
	left := open[alike][0].met
	for _, c := range open[alike][1:] {
		c.close()
	}
	open[alike] = open[alike][:1]
	p := lawService(l.addresses, l.base, l.scheduler.name, alike, 0)
	gone := p.Endpoints[len(p.Endpoints)-1-left]
	to := &backends.State{Node: state.Node, Services: slices.Clone(state.Services)}
	for i := range to.Services {
		if s := &to.Services[i]; s.Key() == p.Key() {
			s.Endpoints = slices.DeleteFunc(slices.Clone(s.Endpoints), func(e backends.Endpoint) bool { return e == gone })
		}
	}
	if err := l.b.Apply(ctx, backends.Diff(state, to)); err != nil {
		return "", err
	}
	result := others
	err := l.topology.Pods.Do(func() error {
		for i := range shortAsks {
			source := netip.AddrPortFrom(l.local(100+i%lawSources).Addr.Addr(), l.port+uint16(400+i))
			a, err := probe.AskFrom(source, p.Protocol, p.VIP(), silence)
			switch {
			case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ETIMEDOUT):
				result = silent
			case err != nil:
				return err
			case a.Endpoint == gone.Addr:
				return fmt.Errorf("%s still gets new connections", gone.Addr)
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	// What it had goes on.
	if _, err := open[alike][0].flow.Ask(); err != nil {
		return "", fmt.Errorf("an open connection of an endpoint that drains: %w", err)
	}
	return result, nil
}
