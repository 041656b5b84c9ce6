package cluster

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/scenarios"
)

// maxEndpoints of one EndpointSlice (pkg/apis/discovery/validation).
const maxEndpoints = 1000

// EndpointSlice takes an EndpointSlice in. What kube-proxy does not look at is
// checked, counted in Cluster.PassedOver, and left out: slices of host names, of
// no Service and of headless ones, and ports without a name or a number
// (pkg/proxy/endpointslicecache.go). The object is not kept.
func (b *Builder) EndpointSlice(o *discoveryv1.EndpointSlice) {
	c := &sliceConversion{Builder: b, object: o, fail: b.failer("EndpointSlice", o.Namespace, o.Name), bad: map[string]bool{}}
	name := key{b.text(o.Namespace), strings.Clone(o.Name)}
	if first, taken := b.sliceNames[name]; taken {
		c.fail("metadata.name", "the EndpointSlice is given twice, first%s", at(first))
		return
	}
	b.sliceNames[name] = b.offset
	if !backends.IsLabel(o.Namespace) {
		c.fail("metadata.namespace", "%s is no DNS label", strconv.Quote(clip(o.Namespace)))
	}
	if !scenarios.IsSubdomain(o.Name) {
		c.fail("metadata.name", "%s is no DNS subdomain", strconv.Quote(clip(o.Name)))
	}
	switch o.AddressType {
	case discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6:
	case discoveryv1.AddressTypeFQDN:
		b.passedOver["EndpointSlices of host names"]++
		return
	default:
		c.fail("addressType", "is %s; want IPv4, IPv6 or FQDN", strconv.Quote(clip(string(o.AddressType))))
		return
	}
	if len(o.Endpoints) > maxEndpoints {
		c.fail("endpoints", "has %d endpoints; want at most %d", len(o.Endpoints), maxEndpoints)
		return
	}
	set := c.subset()
	set.Check(c.problem)
	_, headless := o.Labels[labelHeadless]
	service := o.Labels[discoveryv1.LabelServiceName]
	switch {
	case headless:
		b.passedOver["EndpointSlices of headless Services"]++
	case service == "":
		b.passedOver["EndpointSlices without the label "+discoveryv1.LabelServiceName]++
	case len(set.Ports) > 0 && len(set.Endpoints) > 0:
		of := key{name.namespace, b.text(service)}
		b.slices[of] = append(b.slices[of], subset{name.name, set})
	}
}

// sliceConversion is the conversion of one EndpointSlice.
type sliceConversion struct {
	*Builder
	object *discoveryv1.EndpointSlice
	fail   scenarios.Fail
	bad    map[string]bool
	ports  []int // which port of the object a TargetPort comes from
}

func (c *sliceConversion) subset() scenarios.Subset {
	var set scenarios.Subset
	for i := range c.object.Ports {
		p := &c.object.Ports[i]
		if p.Name == nil || p.Port == nil || *p.Port == 0 {
			continue
		}
		if *p.Port < 0 || *p.Port > 65535 {
			c.unread(fmt.Sprintf("ports[%d].port", i), "is %d; want 1 to 65535", *p.Port)
		}
		protocol := corev1.ProtocolTCP
		if p.Protocol != nil {
			protocol = *p.Protocol
		}
		c.ports = append(c.ports, i)
		set.Ports = append(set.Ports, scenarios.TargetPort{Name: c.text(*p.Name), Protocol: c.text(string(protocol)), Port: uint16(*p.Port)})
	}
	set.Endpoints = make([]scenarios.Endpoint, len(c.object.Endpoints))
	for i := range set.Endpoints {
		set.Endpoints[i] = c.endpoint(i, &c.object.Endpoints[i])
	}
	return set
}

func (c *sliceConversion) endpoint(i int, o *discoveryv1.Endpoint) scenarios.Endpoint {
	no := func(condition *bool) bool { return condition != nil && !*condition }
	e := scenarios.Endpoint{
		NotReady:    no(o.Conditions.Ready),
		NotServing:  no(o.Conditions.Serving),
		Terminating: o.Conditions.Terminating != nil && *o.Conditions.Terminating,
	}
	if len(o.Addresses) == 0 {
		c.unread(fmt.Sprintf("endpoints[%d].addresses", i), "is empty; want at least one address")
	}
	for j, text := range o.Addresses {
		a, err := netip.ParseAddr(text)
		if err != nil || string(backends.FamilyOf(a)) != string(c.object.AddressType) {
			c.unread(fmt.Sprintf("endpoints[%d].addresses", i), "%s is no %s address", strconv.Quote(clip(text)), c.object.AddressType)
		}
		if j == 0 { // kube-proxy and everyone else look at the first alone
			e.Addr = a
		}
	}
	if o.NodeName != nil {
		if *o.NodeName == "" {
			c.fail(fmt.Sprintf("endpoints[%d].nodeName", i), "is empty")
		}
		e.Node = c.text(*o.NodeName)
	}
	if o.Hints != nil {
		var zones, nodes []string
		for _, z := range o.Hints.ForZones {
			zones = append(zones, z.Name)
		}
		for _, n := range o.Hints.ForNodes {
			nodes = append(nodes, n.Name)
		}
		e.Zones, e.Nodes = c.list("zones", zones), c.list("nodes", nodes)
	}
	return e
}

// list is a list of names of a kind, of which only the first copy is kept.
func (b *Builder) list(kind string, names []string) []string {
	if len(names) == 0 {
		return nil
	}
	joined := kind + "\x00" + strings.Join(names, "\x00")
	if same, ok := b.hints[joined]; ok {
		return same
	}
	b.hints[joined] = names
	return names
}

func (c *sliceConversion) unread(field, format string, args ...any) {
	c.bad[field] = true
	c.fail(field, format, args...)
}

// problem is what Check found, under the field's name in the API.
func (c *sliceConversion) problem(field, format string, args ...any) {
	open, end := strings.IndexByte(field, '['), strings.IndexByte(field, ']')
	if open >= 0 {
		i, _ := strconv.Atoi(field[open+1 : end]) // Check made it
		switch field[:open] {
		case "addresses":
			field = fmt.Sprintf("endpoints[%d].addresses", i)
		case "ports":
			field = fmt.Sprintf("ports[%d]%s", c.ports[i], field[end+1:])
		}
	}
	if !c.bad[field] {
		c.fail(field, format, args...)
	}
}
