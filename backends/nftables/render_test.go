package nftables

import (
	"flag"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/knftables"

	"github.com/svcmark/svcmark/backends"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestRender(t *testing.T) {
	for _, l := range layouts() {
		texts, err := render(l, small())
		if err != nil {
			t.Fatal(err)
		}
		if len(texts) != 2 {
			t.Fatalf("layout %s: %d parts, want one a family", l, len(texts))
		}
		for name, got := range texts {
			golden := filepath.Join("testdata", string(l)+"-"+name)
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s: got\n%s\nwant\n%s", golden, got, want)
			}
		}
	}
}

// kube-proxy writes its scripts with knftables: our text must be what that
// library writes for the same objects, line by line, in some order.
func TestRenderIsWhatKnftablesWrites(t *testing.T) {
	for _, l := range layouts() {
		texts, err := render(l, small())
		if err != nil {
			t.Fatal(err)
		}
		for family, name := range map[knftables.Family]string{knftables.IPv4Family: "ip-kube-proxy.nft", knftables.IPv6Family: "ip6-kube-proxy.nft"} {
			fake := knftables.NewFake(family, tableName)
			if err := fake.ParseDump(texts[name]); err != nil {
				t.Fatalf("layout %s, %s: %v", l, name, err)
			}
			got, want := slices.Sorted(strings.Lines(texts[name])), slices.Sorted(strings.Lines(fake.Dump()))
			if !slices.Equal(got, want) {
				t.Errorf("layout %s, %s: got\n%s\nknftables writes\n%s", l, name, strings.Join(got, ""), strings.Join(want, ""))
			}
		}
	}
}

// Without an IPv6 address kube-proxy has no IPv6 proxier. Without one of IPv4 it
// has one all the same, which takes NodePorts at every local address.
func TestRenderWithoutAddress(t *testing.T) {
	v4, v6 := small().Node.Addrs[:1], small().Node.Addrs[1:]
	for _, c := range []struct {
		name  string
		addrs []netip.Addr
		want  []string
	}{
		{"IPv4 alone", v4, []string{"ip-kube-proxy.nft"}},
		{"IPv6 alone", v6, []string{"ip-kube-proxy.nft", "ip6-kube-proxy.nft"}},
	} {
		s := small()
		s.Node.Addrs = c.addrs
		texts, err := render(Layout136, s)
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(maps.Keys(texts)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		primary := strings.Contains(texts["ip-kube-proxy.nft"], "nodeport-ips")
		if primary != s.Node.Addr(backends.IPv4).IsValid() {
			t.Errorf("%s: IPv4's NodePorts are at the primary address: %v", c.name, primary)
		}
	}
}

// Without the ranges there is nothing to tell pods or unallocated ClusterIPs by.
func TestRenderWithoutRanges(t *testing.T) {
	s := small()
	s.Node.ClusterCIDRs, s.Node.ServiceCIDRs = nil, nil
	for _, l := range layouts() {
		texts, err := render(l, s)
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range texts {
			for _, gone := range []string{"from outside cluster", "short-circuit pod traffic", "unallocated", "saddr != fd", "saddr != 10"} {
				if strings.Contains(text, gone) {
					t.Errorf("layout %s, %s: without ranges it has %q:\n%s", l, name, gone, text)
				}
			}
		}
	}
}

// Of two ServicePorts that want one external address the first by name has it,
// wherever they lie in the state.
func TestTheFirstByNameHasAnElement(t *testing.T) {
	shared := []netip.Addr{netip.MustParseAddr("192.0.2.9")}
	for _, order := range [][2]int{{0, 4}, {4, 0}} { // balanced and local, over other protocols
		s := small()
		a, b := s.Services[order[0]], s.Services[order[1]]
		a.ExternalIPs, b.ExternalIPs = shared, shared
		a.Protocol, b.Protocol = backends.TCP, backends.TCP
		s.Services = []backends.ServicePort{a, b}
		texts, err := render(Layout136, s)
		if err != nil {
			t.Fatal(err)
		}
		const key = "{ 192.0.2.9 . tcp . 80 : goto external-"
		_, after, _ := strings.Cut(texts["ip-kube-proxy.nft"], key)
		got, _, _ := strings.Cut(after, "\n")
		if strings.Count(texts["ip-kube-proxy.nft"], key) != 1 || !strings.Contains(got, "/balanced/") {
			t.Errorf("order %v: the element leads to %q, want balanced's chain, once", order, got)
		}
	}
}

func TestHostileNamesAreRefused(t *testing.T) {
	for _, name := range []string{"a\nflush ruleset", `a" ; drop`, "a b", "A", "a/b", ""} {
		s := small()
		s.Services[0].Name = name
		if _, err := New(Layout136).Render(s); err == nil {
			t.Errorf("the name %q is taken", name)
		}
	}
}
