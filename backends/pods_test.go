package backends

import (
	"net/netip"
	"testing"
)

func TestPodRanges(t *testing.T) {
	for _, c := range []struct{ cluster, pods, host1, host2 string }{
		{"10.128.0.0/9", "10.128.0.0/24", "10.160.0.0/11", "10.192.0.0/11"},
		{"10.128.77.1/9", "10.128.0.0/24", "10.160.0.0/11", "10.192.0.0/11"}, // host bits do not matter
		{"10.0.0.0/8", "10.0.0.0/24", "10.64.0.0/10", "10.128.0.0/10"},
		{"172.16.4.0/22", "172.16.4.0/24", "172.16.5.0/24", "172.16.6.0/24"},
		{"172.16.4.0/23", "invalid Prefix", "172.16.4.128/25", "172.16.5.0/25"},
		{"10.0.0.0/31", "invalid Prefix", "invalid Prefix", "invalid Prefix"},
		{"fd00:10::/56", "fd00:10::/64", "fd00:10:0:40::/58", "fd00:10:0:80::/58"},
	} {
		n := Node{ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix(c.cluster)}}
		f := FamilyOf(n.ClusterCIDRs[0].Addr())
		hosts := n.EndpointHostCIDRs(f)
		if n.PodCIDR(f).String() != c.pods || hosts[0].String() != c.host1 || hosts[1].String() != c.host2 {
			t.Errorf("%s: node %v, hosts %v; want %s, %s, %s", c.cluster, n.PodCIDR(f), hosts, c.pods, c.host1, c.host2)
		}
	}
	var zero Node
	if zero.PodCIDR(IPv4).IsValid() || zero.EndpointHostCIDRs(IPv6)[0].IsValid() {
		t.Error("a Node without ClusterCIDR has pod ranges")
	}
}
