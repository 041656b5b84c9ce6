package ipvs_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	mobyipvs "github.com/moby/ipvs"

	"github.com/svcmark/svcmark/backends"
)

// readBack compares the kernel with a state through moby/ipvs, which shares no
// line with the batched path.
func readBack(t *testing.T, state *backends.State) {
	t.Helper()
	h, err := mobyipvs.New("")
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	have, err := h.GetServices()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string][]string)
	for _, s := range have {
		addr, _ := netip.AddrFromSlice(s.Address)
		key := fmt.Sprintf("%d %s %s %x %d %x", s.Protocol, netip.AddrPortFrom(addr, s.Port), s.SchedName, s.Flags, s.Timeout, s.Netmask)
		dests, err := h.GetDestinations(s)
		if err != nil {
			t.Fatal(err)
		}
		got[key] = []string{}
		for _, d := range dests {
			addr, _ := netip.AddrFromSlice(d.Address)
			got[key] = append(got[key], fmt.Sprintf("%s %d %x %d %d", netip.AddrPortFrom(addr, d.Port), d.Weight, d.ConnectionFlags, d.UpperThreshold, d.LowerThreshold))
		}
		sortBy(got[key], func(s string) string { return s })
	}
	text := func(servers map[string][]string) string {
		var b strings.Builder
		for _, key := range slices.Sorted(maps.Keys(servers)) {
			fmt.Fprintf(&b, "%s %v\n", key, servers[key])
		}
		return b.String()
	}
	if got, want := text(got), text(wanted(state)); got != want {
		t.Errorf("read back, and wanted: %s", difference(got, want))
	}
}

// wanted are the virtual servers of a state, worked out from kube-proxy's
// source once more and without regard to cost.
func wanted(state *backends.State) map[string][]string {
	want := make(map[string][]string)
	for i := range state.Services { // in the order of Compare: of several with one VIP the last one stays
		p := &state.Services[i]
		r := p.Reachable(&state.Node)
		serve := func(a netip.Addr, port uint16, localOnly bool) {
			proto := map[backends.Protocol]int{backends.TCP: 6, backends.UDP: 17, backends.SCTP: 132}[p.Protocol]
			flags, mask := 2, uint32(0xffffffff)
			if p.AffinitySeconds > 0 {
				flags |= 1
			}
			if a.Is6() {
				mask = 128
			}
			at := fmt.Sprintf("%d %s ", proto, netip.AddrPortFrom(a, port))
			for key := range want {
				if strings.HasPrefix(key, at) {
					delete(want, key)
				}
			}
			endpoints := r.Cluster
			if localOnly && len(r.Local) > 0 {
				endpoints = r.Local
			}
			list := []string{}
			for _, e := range endpoints {
				list = append(list, fmt.Sprintf("%s 1 0 0 0", e.Addr))
			}
			sortBy(list, func(s string) string { return s })
			want[at+fmt.Sprintf("rr %x %d %x", flags, p.AffinitySeconds, mask)] = list
		}
		serve(p.ClusterIP, p.Port, p.InternalLocal)
		for _, a := range slices.Concat(p.ExternalIPs, p.LoadBalancerIPs) {
			serve(a, p.Port, p.ExternalLocal)
		}
		if p.NodePort != 0 {
			for _, a := range []string{"192.168.0.1", "192.168.7.1", "fd99::1", "fd99:7::1"} {
				if a := netip.MustParseAddr(a); backends.FamilyOf(a) == p.Family() {
					serve(a, p.NodePort, p.ExternalLocal)
				}
			}
		}
	}
	return want
}
