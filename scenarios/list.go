package scenarios

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/svcmark/svcmark/backends"
)

// A list of Services has one line a Service, so that a cluster of tens of
// thousands stays a file that can be read, diffed and cut; and one text an
// endpoint, which is a tenth of what a mapping would cost to parse:
//
//	10.128.0.7 node=node-3 forZone=zone-a forNode=node-3 notReady notServing terminating
const (
	nodeField     = "node="
	zoneField     = "forZone="
	hintNodeField = "forNode="
	weightField   = "weight="
	notReady      = "notReady"
	notServing    = "notServing"
	terminating   = "terminating"
)

// writeList writes the canonical form: what is not the default, in the order of
// the keys in the reader.
func writeList(b *strings.Builder, services []Service) {
	b.WriteString("  list:\n")
	for i := range services {
		b.WriteString("  - {")
		services[i].yaml(b)
		b.WriteString("}\n")
	}
}

func (s *Service) yaml(b *strings.Builder) {
	b.WriteString("namespace: " + scalar(s.Namespace) + ", name: " + scalar(s.Name))
	if s.Type != ClusterIP {
		b.WriteString(", type: " + string(s.Type))
	}
	if len(s.ClusterIPs) > 0 {
		b.WriteString(", clusterIPs: " + addresses(s.ClusterIPs))
	}
	writeItems(b, ", ports: ", s.Ports, (*Port).yaml)
	if len(s.ExternalIPs) > 0 {
		b.WriteString(", externalIPs: " + addresses(s.ExternalIPs))
	}
	writeItems(b, ", loadBalancer: ", s.Ingress, func(in *Ingress, b *strings.Builder) {
		b.WriteString("{ip: " + text(in.Addr.String()))
		if in.Proxy {
			b.WriteString(", ipMode: Proxy")
		}
		b.WriteString("}")
	})
	writeItems(b, ", loadBalancerSourceRanges: ", s.SourceRanges, func(p *netip.Prefix, b *strings.Builder) { b.WriteString(text(p.String())) })
	if s.InternalLocal {
		b.WriteString(", internalTrafficPolicy: Local")
	}
	if s.ExternalLocal {
		b.WriteString(", externalTrafficPolicy: Local")
	}
	if s.AffinitySeconds > 0 {
		fmt.Fprintf(b, ", affinitySeconds: %d", s.AffinitySeconds)
	}
	if s.HealthCheckNodePort > 0 {
		fmt.Fprintf(b, ", healthCheckNodePort: %d", s.HealthCheckNodePort)
	}
	if s.OtherProxy {
		b.WriteString(", otherProxy: true")
	}
	writeItems(b, ", endpoints: ", s.Endpoints, func(set *Subset, b *strings.Builder) {
		b.WriteString("{")
		writeItems(b, "ports: ", set.Ports, func(p *TargetPort, b *strings.Builder) {
			(&Port{Name: p.Name, Protocol: p.Protocol, Port: p.Port}).yaml(b)
		})
		writeItems(b, ", addresses: ", set.Endpoints, (*Endpoint).yaml)
		b.WriteString("}")
	})
}

func (p *Port) yaml(b *strings.Builder) {
	b.WriteString("{")
	if p.Name != "" {
		b.WriteString("name: " + scalar(p.Name) + ", ")
	}
	if p.Protocol != string(backends.TCP) {
		b.WriteString("protocol: " + p.Protocol + ", ")
	}
	b.WriteString("port: " + strconv.Itoa(int(p.Port)))
	if p.NodePort != 0 {
		b.WriteString(", nodePort: " + strconv.Itoa(int(p.NodePort)))
	}
	b.WriteString("}")
}

func (e *Endpoint) yaml(b *strings.Builder) {
	var scratch [128]byte
	t := e.Addr.AppendTo(scratch[:0])
	quoted := e.Addr.Is6()
	if e.Node != "" {
		t = append(append(append(t, ' '), nodeField...), e.Node...)
	}
	for _, z := range e.Zones {
		t = append(append(append(t, ' '), zoneField...), z...)
	}
	for _, n := range e.Nodes {
		t = append(append(append(t, ' '), hintNodeField...), n...)
	}
	if e.Weight > 0 {
		t = strconv.AppendUint(append(append(t, ' '), weightField...), uint64(e.Weight), 10)
	}
	for _, flag := range e.flags() {
		if *flag.set {
			t = append(append(t, ' '), flag.word...)
		}
	}
	if quoted {
		b.WriteByte('"')
	}
	b.Write(t)
	if quoted {
		b.WriteByte('"')
	}
}

// flag is a condition by its word.
type flag struct {
	word string
	set  *bool
}

func (e *Endpoint) flags() [3]flag {
	return [...]flag{{notReady, &e.NotReady}, {notServing, &e.NotServing}, {terminating, &e.Terminating}}
}

// writeItems writes a list behind its key, and neither when it is empty.
func writeItems[T any](b *strings.Builder, key string, list []T, one func(*T, *strings.Builder)) {
	if len(list) == 0 {
		return
	}
	b.WriteString(key + "[")
	for i := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		one(&list[i], b)
	}
	b.WriteString("]")
}

// CheckTogether refuses what no two Services of a cluster have in common: a
// name, a ClusterIP, and a port of the nodes, which only the protocols of one
// Service share (pkg/registry/core/service/portallocator). fail is told which
// Service it is.
func CheckTogether(services []Service, fail func(i int, field, format string, args ...any)) {
	type name struct{ namespace, name string }
	names, ips, ports := make(map[name]int, len(services)), make(map[netip.Addr]int, len(services)), map[uint16]int{}
	of := func(i int) string { return quote(services[i].Namespace + "/" + services[i].Name) }
	for i := range services {
		s := &services[i]
		if _, taken := names[name{s.Namespace, s.Name}]; taken {
			fail(i, "name", "the Service %s is given twice", of(i))
			continue
		}
		names[name{s.Namespace, s.Name}] = i
		for j, a := range s.ClusterIPs {
			if owner, taken := ips[a]; taken {
				fail(i, fmt.Sprintf("clusterIPs[%d]", j), "%s belongs to the Service %s, too", a, of(owner))
			}
			ips[a] = i
		}
		claim := func(field string, port uint16) {
			if owner, taken := ports[port]; taken && port != 0 && owner != i {
				fail(i, field, "%d belongs to the Service %s, too", port, of(owner))
			}
			ports[port] = i
		}
		for j := range s.Ports {
			claim(fmt.Sprintf("ports[%d].nodePort", j), s.Ports[j].NodePort)
		}
		claim("healthCheckNodePort", s.HealthCheckNodePort)
	}
}
