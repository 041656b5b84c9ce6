package cluster

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/scenarios"
)

// Node takes a Node in. The object is not kept.
func (b *Builder) Node(o *corev1.Node) {
	fail := b.failer("Node", "", o.Name)
	name := b.text(strings.Clone(o.Name))
	if _, taken := b.nodes[name]; taken {
		fail("metadata.name", "the Node is given twice")
		return
	}
	if !scenarios.IsSubdomain(name) {
		fail("metadata.name", "%s is no DNS subdomain", strconv.Quote(clip(name)))
	}
	n := Node{Name: name, Zone: b.text(o.Labels[corev1.LabelTopologyZone])}
	if !scenarios.IsLabelValue(n.Zone) {
		fail("metadata.labels["+corev1.LabelTopologyZone+"]", "%s is no label's value", strconv.Quote(clip(n.Zone)))
	}
	// As GetNodeHostIPs in pkg/util/node: ExternalIPs help out.
	for _, kind := range []corev1.NodeAddressType{corev1.NodeInternalIP, corev1.NodeExternalIP} {
		if len(n.Addrs) > 0 {
			break
		}
		for i, a := range o.Status.Addresses {
			if a.Type != kind {
				continue
			}
			addr, err := netip.ParseAddr(a.Address)
			if err != nil || addr.Zone() != "" || addr.Is4In6() || addr.IsUnspecified() {
				fail(fmt.Sprintf("status.addresses[%d].address", i), "%s is no plain IP address", strconv.Quote(clip(a.Address)))
				continue
			}
			n.Addrs = append(n.Addrs, addr)
		}
	}
	cidrs, field := o.Spec.PodCIDRs, "spec.podCIDRs"
	if len(cidrs) == 0 && o.Spec.PodCIDR != "" {
		cidrs, field = []string{o.Spec.PodCIDR}, "spec.podCIDR"
	}
	for i, text := range cidrs {
		p, err := netip.ParsePrefix(text)
		switch {
		case err != nil || p.Addr().Is4In6():
			fail(fmt.Sprintf("%s[%d]", field, i), "%s is no address range", strconv.Quote(clip(text)))
			continue
		case i > 1, i == 1 && len(n.PodCIDRs) == 1 && backends.FamilyOf(n.PodCIDRs[0].Addr()) == backends.FamilyOf(p.Addr()):
			fail(fmt.Sprintf("%s[%d]", field, i), "is a second range of a family; want at most one of each")
			continue
		}
		n.PodCIDRs = append(n.PodCIDRs, p.Masked())
	}
	b.nodes[name] = n
}
