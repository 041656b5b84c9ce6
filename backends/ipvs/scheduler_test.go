package ipvs_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ipvs"
)

// weight gives odd ports 3 and even ones the last digit of the address, where 0 stands
// for 1.
func weight(at netip.AddrPort) uint16 {
	if at.Port()%2 == 1 {
		return 3
	}
	raw := at.Addr().AsSlice()
	return uint16(raw[len(raw)-1] % 10)
}

// weightedState has a Service for each of some endpoints' numbers.
func weightedState(numbers ...[]int) *backends.State {
	s := &backends.State{Node: ipvs.NodeOfBoth()}
	for i, of := range numbers {
		p := backends.ServicePort{Namespace: "ns", Name: fmt.Sprintf("svc-%d", i), Protocol: backends.TCP, ClusterIP: netip.AddrFrom4([4]byte{10, 96, 0, byte(10 + i)}), Port: 80}
		for _, n := range of {
			at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 128, 0, byte(n)}), uint16(8080+n%3))
			p.Endpoints = append(p.Endpoints, backends.Endpoint{Addr: at, Weight: weight(at)})
		}
		backends.SortEndpoints(p.Endpoints)
		s.Services = append(s.Services, p)
	}
	return s
}

// renderedServers are the lines that Render has for ipvsadm.
func renderedServers(t *testing.T, b *ipvs.Backend, s *backends.State) []string {
	t.Helper()
	parts, err := b.Render(s)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(parts, func(p backends.Part) bool { return p.Name == "ipvsadm.save" })
	var text strings.Builder
	if err := parts[i].Write(&text); err != nil {
		t.Fatal(err)
	}
	return sortedLines(text.String())
}

func sortedLines(text string) []string {
	return slices.Sorted(slices.Values(strings.Split(strings.TrimSpace(text), "\n")))
}

// Render names the scheduler, its flags and the weights.
func TestRenderScheduler(t *testing.T) {
	for _, scheduler := range ipvs.Schedulers() {
		flags := map[string]string{"mh": " -b mh-port"}[scheduler]
		b := ipvs.New(ipvs.Options{Scheduler: scheduler})
		want := []string{
			"-A -t 10.96.0.10:80 -s " + scheduler + flags,
			"-a -t 10.96.0.10:80 -r 10.128.0.10:8081 -m -w 3",
			"-a -t 10.96.0.10:80 -r 10.128.0.12:8080 -m -w 2",
			"-a -t 10.96.0.10:80 -r 10.128.0.20:8082 -m -w 1",
		}
		if got := renderedServers(t, b, weightedState([]int{10, 12, 20})); !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", scheduler, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// With every scheduler that the kernel has, and with weights, both paths and Apply
// make what Render says, over another scheduler's objects as from empty; and a
// weight that was changed behind the backend's back is mended.
func TestSchedulersInKernel(t *testing.T) {
	if !needIPVS(t, ipvs.New(ipvs.Options{Iptables: "iptables-legacy"})) {
		return
	}
	ownAddresses(t)
	cleanUp(t, ipvs.New(ipvs.Options{Iptables: "iptables-legacy"}))
	from, to := weightedState([]int{1, 2, 3}, []int{4, 10}, nil), weightedState([]int{2, 3, 20}, nil, []int{4, 7})
	for _, scheduler := range ipvs.Schedulers() {
		path := ipvs.Batched
		if scheduler == "mh" { // the slow path is shown by the one with most to say
			path = ipvs.KubeProxy
		}
		b := ipvs.New(ipvs.Options{Scheduler: scheduler, Path: path, Iptables: "iptables-legacy"})
		if scheduler == "twos" && b.Probe(t.Context()) != nil {
			continue // TestSchedulers of backendtest holds the refusal to its words
		}
		holds := func(when string, s *backends.State) {
			t.Helper()
			want := renderedServers(t, b, s)
			if got := sortedLines(run(t, "ipvsadm", "-Sn")); !slices.Equal(got, want) {
				t.Errorf("%s, %s, %s:\n%s\nwant\n%s", scheduler, path, when, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
		sync(t, b, from)
		holds("synced", from)
		apply(t, b, from, to)
		holds("applied", to)
		run(t, "ipvsadm", "-e", "-t", "10.96.0.10:80", "-r", "10.128.0.2:8082", "-m", "-w", "7")
		sync(t, b, to)
		holds("mended", to)
	}
}
