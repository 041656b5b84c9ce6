package backendtest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/iptables"
	"github.com/svcmark/svcmark/lab"
)

// A sabotage makes a right backend wrong in what one behaviour shows.
type sabotage struct {
	row  string
	what string
	// twist changes what is programmed of the behaviour's Services.
	twist func(a addresses, p *backends.ServicePort)
	// stale has the backend forget the behaviour's change.
	stale bool
	// rule is put first in a chain of iptables when all else is programmed, for
	// each of the behaviour's Services: table, chain and what follows.
	rule func(a addresses, p *backends.ServicePort) []string
}

// sabotages have at least one of every behaviour.
func sabotages() []sabotage {
	everyEndpoint := func(_ addresses, p *backends.ServicePort) {
		for i := range p.Endpoints {
			p.Endpoints[i].Conditions = 0
		}
	}
	oneEndpoint := func(_ addresses, p *backends.ServicePort) { p.Endpoints = p.Endpoints[:1] }
	noEndpoint := func(_ addresses, p *backends.ServicePort) { p.Endpoints = nil }
	onlyLocal := func(_ addresses, p *backends.ServicePort) {
		p.Endpoints = slices.DeleteFunc(p.Endpoints, func(e backends.Endpoint) bool { return !e.Local })
	}
	cluster := func(_ addresses, p *backends.ServicePort) { p.InternalLocal, p.ExternalLocal = false, false }
	local := func(_ addresses, p *backends.ServicePort) { p.ExternalLocal = true }
	noNodePort := func(_ addresses, p *backends.ServicePort) { p.NodePort = 0 }
	noAddress := func(_ addresses, p *backends.ServicePort) { p.ExternalIPs, p.LoadBalancerIPs = nil, nil }
	noRanges := func(_ addresses, p *backends.ServicePort) { p.SourceRanges = nil }
	otherRange := func(a addresses, p *backends.ServicePort) {
		p.SourceRanges = []netip.Prefix{netip.PrefixFrom(a.external(250), a.nodeAddr().BitLen())}
	}
	noAffinity := func(_ addresses, p *backends.ServicePort) { p.AffinitySeconds = 0 }
	longAffinity := func(_ addresses, p *backends.ServicePort) { p.AffinitySeconds = 10800 }
	drop := func(chain string) func(addresses, *backends.ServicePort) []string {
		return func(_ addresses, p *backends.ServicePort) []string {
			to := p.ClusterIP
			if len(p.ExternalIPs) > 0 {
				to = p.ExternalIPs[0]
			}
			return []string{"raw", chain, "-d", to.String(), "-j", "DROP"}
		}
	}
	dropNodePort := func(chain string) func(addresses, *backends.ServicePort) []string {
		return func(_ addresses, p *backends.ServicePort) []string {
			return []string{"raw", chain, "-p", strings.ToLower(string(p.Protocol)), "--dport", fmt.Sprint(p.NodePort), "-j", "DROP"}
		}
	}
	reject := func(chain string, to func(addresses) netip.Addr) func(addresses, *backends.ServicePort) []string {
		return func(a addresses, _ *backends.ServicePort) []string {
			return []string{"filter", chain, "-d", to(a).String(), "-j", "REJECT"}
		}
	}
	vip := func(n int) func(addresses) netip.Addr { return func(a addresses) netip.Addr { return a.vip(n) } }
	// masquerade hides the client from the endpoints of one behaviour, by the
	// address that its packets were sent to.
	masquerade := func(_ addresses, p *backends.ServicePort) []string {
		return []string{"nat", "POSTROUTING", "-m", "conntrack", "--ctorigdst", p.ClusterIP.String(), "-j", "MASQUERADE"}
	}
	return []sabotage{
		{row: "ReadyFromPod", what: "endpoints that are not ready answer", twist: everyEndpoint},
		{row: "ReadyFromPod", what: "the client is masqueraded", rule: masquerade},
		{row: "ReadyFromPod", what: "an endpoint never answers", twist: oneEndpoint},
		{row: "ReadyFromNode", what: "endpoints that are not ready answer", twist: everyEndpoint},
		{row: "ReadyFromOutside", what: "endpoints that are not ready answer", twist: everyEndpoint},
		{row: "Terminating", what: "endpoints that are not serving answer", twist: everyEndpoint},
		{row: "Terminating", what: "nobody answers", twist: noEndpoint},
		{row: "Share", what: "an endpoint gets nothing", twist: func(_ addresses, p *backends.ServicePort) { p.Endpoints = p.Endpoints[1:] }},
		{row: "Share", what: "an endpoint gets more", rule: func(_ addresses, p *backends.ServicePort) []string {
			return []string{"nat", "PREROUTING", "-p", "tcp", "-d", p.ClusterIP.String(), "--dport", "80", "-m", "statistic",
				"--mode", "random", "--probability", "0.6", "-j", "DNAT", "--to-destination", p.Endpoints[0].Addr.String()}
		}},
		{row: "Hairpin", what: "the pod sees itself", rule: func(a addresses, _ *backends.ServicePort) []string {
			return []string{"nat", "POSTROUTING", "-s", a.client().String(), "-d", a.client().String(), "-j", "ACCEPT"}
		}},
		{row: "InternalLocal", what: "endpoints on other nodes answer", twist: cluster},
		{row: "AffinityHolds", what: "there is none", twist: noAffinity},
		{row: "AffinityPerClient", what: "all clients have the same", twist: oneEndpoint},
		{row: "AffinityExpires", what: "it lasts three hours", twist: longAffinity},
		{row: "NoneFromPod", what: "packets are dropped", rule: drop("PREROUTING")},
		{row: "NoneFromNode", what: "packets are dropped", rule: drop("OUTPUT")},
		{row: "NoneAtNodePort", what: "packets are dropped", rule: dropNodePort("PREROUTING")},
		{row: "NoneAtExternalIP", what: "packets are dropped", rule: drop("PREROUTING")},
		{row: "InternalLocalElsewhere", what: "it refuses", twist: noEndpoint},
		{row: "InternalLocalElsewhere", what: "it answers", twist: cluster},
		{row: "ExternalLocalElsewhere", what: "it refuses", twist: noEndpoint},
		{row: "ExternalLocalElsewhere", what: "it answers", twist: cluster},
		{row: "ClosedPort", what: "it refuses", rule: reject("FORWARD", vip(closedVIP))},
		{row: "UnallocatedClusterIP", what: "it refuses", rule: reject("FORWARD", vip(unallocatedVIP))},
		{row: "NodePortFromOutside", what: "the policy is Local", twist: local},
		{row: "NodePortFromPod", what: "there is none", twist: noNodePort},
		{row: "NodePortFromNode", what: "there is none", twist: noNodePort},
		{row: "NodePortAtOtherAddress", what: "there is none", twist: noNodePort},
		{row: "NodePortAt127", what: "there is none", twist: noNodePort},
		{row: "NodePortAtLoopbackIPv6", what: "packets are dropped", rule: dropNodePort("OUTPUT")},
		{row: "ExternalLocalFromOutside", what: "the policy is Cluster", twist: cluster},
		{row: "ExternalLocalFromPod", what: "endpoints on other nodes do not answer", twist: onlyLocal},
		{row: "ExternalLocalFromNode", what: "endpoints on other nodes do not answer", twist: onlyLocal},
		{row: "BalancerFromOutside", what: "the policy is Local", twist: local},
		{row: "BalancerFromPod", what: "there is none", twist: noAddress},
		{row: "BalancerFromNode", what: "there is none", twist: noAddress},
		{row: "BalancerLocalFromOutside", what: "the policy is Cluster", twist: cluster},
		{row: "BalancerLocalFromPod", what: "endpoints on other nodes do not answer", twist: onlyLocal},
		{row: "RangesLetIn", what: "the range is another", twist: otherRange},
		{row: "RangesKeepOut", what: "there are none", twist: noRanges},
		{row: "RangesKeepOutPods", what: "there are none", twist: noRanges},
		{row: "RangesLetInNode", what: "the range is another", twist: otherRange},
		{row: "RangesSpareNodePort", what: "there is no NodePort", twist: noNodePort},
		{row: "BalancerOtherPort", what: "the node keeps it", rule: reject("OUTPUT", func(a addresses) netip.Addr { return a.outside(sharedBalancer) })},
		{row: "ExternalIPFromOutside", what: "there is none", twist: noAddress},
		{row: "ExternalIPFromPod", what: "there is none", twist: noAddress},
		{row: "UDPFlowMoves", what: "the change is not programmed", stale: true},
		{row: "UDPFlowMovesNotReady", what: "the change is not programmed", stale: true},
		{row: "UDPFlowMovesAtNodePort", what: "the change is not programmed", stale: true},
		{row: "UDPFlowMovesAtExternalIP", what: "the change is not programmed", stale: true},
		{row: "TCPFlowStays", what: "the connection is cut", rule: func(_ addresses, p *backends.ServicePort) []string {
			return []string{"raw", "PREROUTING", "-d", p.ClusterIP.String(), "-j", "DROP"}
		}},
		{row: "SCTPFromPod", what: "an endpoint never answers", twist: oneEndpoint},
		{row: "SCTPAtNodePort", what: "there is none", twist: noNodePort},
	}
}

// saboteur is a backend that is right but for its sabotages.
type saboteur struct {
	backends.Backend
	by    map[string]sabotage // by the behaviour's name
	first map[backends.Key]backends.ServicePort
	rules [][]string
}

func (s *saboteur) Sync(ctx context.Context, state *backends.State) error {
	of := owners(&state.Node)
	twisted := &backends.State{Node: state.Node}
	again := s.first != nil
	if !again {
		s.first = map[backends.Key]backends.ServicePort{}
	}
	var rules [][]string
	for _, p := range state.Services {
		if !again {
			s.first[p.Key()] = p
		}
		by, sabotaged := s.by[of[p.Key()]]
		p.Endpoints = slices.Clone(p.Endpoints)
		a := addresses{p.Family(), &state.Node}
		if sabotaged && by.rule != nil {
			rules = append(rules, append([]string{string(a.family)}, by.rule(a, &p)...))
		}
		if sabotaged && by.stale {
			p = s.first[p.Key()]
		}
		if sabotaged && by.twist != nil {
			by.twist(a, &p)
		}
		twisted.Services = append(twisted.Services, p)
	}
	if err := s.Backend.Sync(ctx, twisted); err != nil || !again {
		return err
	}
	// Behaviours without a Service have rules too.
	for row, by := range s.by {
		b := behaviours()[slices.IndexFunc(behaviours(), func(b behaviour) bool { return b.name == row })]
		for _, f := range backends.Families() {
			if by.rule != nil && b.services == nil {
				rules = append(rules, append([]string{string(f)}, by.rule(addresses{f, &state.Node}, nil)...))
			}
		}
	}
	for _, r := range rules {
		if err := tool(r, "-I"); err != nil {
			return err
		}
		s.rules = append(s.rules, r)
	}
	return nil
}

func (s *saboteur) Cleanup(ctx context.Context) error {
	errs := []error{s.Backend.Cleanup(ctx)}
	for _, r := range s.rules {
		errs = append(errs, tool(r, "-D"))
	}
	s.rules = nil
	return errors.Join(errs...)
}

// owners are the behaviours of ServicePorts.
func owners(n *backends.Node) map[backends.Key]string {
	of := map[backends.Key]string{}
	for _, t := range trials(context.Background(), nil, n, runnable()) {
		for i := range t.services {
			of[t.services[i].Key()] = t.name
		}
	}
	return of
}

// tool adds or deletes a rule: family, table, chain and what follows.
func tool(rule []string, do string) error {
	name := "iptables-legacy"
	if rule[0] == string(backends.IPv6) {
		name = "ip6tables-legacy"
	}
	out, err := exec.Command(name, append([]string{"-w", "-t", rule[1], do}, rule[2:]...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %v: %w: %s", name, rule, err, out)
	}
	return nil
}

// TestEveryBehaviourCanFail shows of every behaviour a backend that fails it.
func TestEveryBehaviourCanFail(t *testing.T) {
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
	inVM := os.Getenv(lab.NodeEnv) == "vm"
	left := sabotages()
	for _, row := range behaviours() {
		if !slices.ContainsFunc(left, func(s sabotage) bool { return s.row == row.name }) {
			t.Errorf("nobody sabotages %s", row.name)
		}
	}
	// Each pass has one sabotage of each behaviour that has one left.
	for len(left) > 0 {
		pass := map[string]sabotage{}
		left = slices.DeleteFunc(left, func(s sabotage) bool {
			if _, taken := pass[s.row]; taken {
				return false
			}
			pass[s.row] = s
			return true
		})
		rows := slices.DeleteFunc(runnable(), func(b behaviour) bool {
			_, ok := pass[b.name]
			return !ok || inVM && b.group != "SCTP" // all others are shown faster outside
		})
		b := &saboteur{Backend: iptables.New(iptables.Legacy), by: pass}
		all, err := observe(t.Context(), b, top, n, rows)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Cleanup(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
		for _, trial := range all {
			s := pass[trial.name]
			if err := trial.wrong(IPTablesLegacy); err == nil {
				t.Errorf("%s in %s: %s, and nobody notices", s.row, trial.family, s.what)
			} else {
				t.Logf("%s in %s: %s: %v", s.row, trial.family, s.what, err)
			}
		}
	}
}

// Backends whose Apply is wrong.
type (
	careless struct{ partial } // takes everything away first
	idle     struct{ partial } // does nothing
)

func (c careless) Apply(ctx context.Context, d *backends.Delta) error {
	return errors.Join(c.Cleanup(ctx), c.Sync(ctx, d.To))
}

func (idle) Apply(context.Context, *backends.Delta) error { return nil }

func TestApplyCanFail(t *testing.T) {
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
	honest, ok := backends.Backend(iptables.New(iptables.Legacy)).(partial)
	if !ok {
		t.Fatal("iptables takes no change alone")
	}
	for name, b := range map[string]partial{"careless": careless{honest}, "idle": idle{honest}} {
		err := applied(t.Context(), b, top, &n)
		if err == nil {
			t.Errorf("%s: nobody notices", name)
		} else {
			t.Logf("%s: %v", name, err)
		}
		if err := b.Cleanup(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
}
