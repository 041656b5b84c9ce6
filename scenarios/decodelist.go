package scenarios

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"github.com/svcmark/svcmark/backends"
)

// mostInList is how many mistakes end the reading of a list: whoever wrote it
// has a program to mend.
const mostInList = 1000

// list reads Services that are written out. There may be millions of values:
// unlike the rest of a scenario they leave no marks.
func (d *decoder) list(to *[]Service) value {
	return func(path string, n *yaml.Node) {
		*to = []Service{} // whatever is wrong with it, it is a scenario of a list
		if n.Kind != yaml.SequenceNode {
			d.wrongType(path, n, "a list of Services")
			return
		}
		if len(n.Content) == 0 {
			d.fail(path, n, "is empty; want at least one Service")
			return
		}
		r := &listReader{decoder: d, list: path, first: len(d.mistakes), texts: map[string]string{}}
		services := make([]Service, len(n.Content))
		for i, node := range n.Content {
			r.path, r.node = path+"["+strconv.Itoa(i)+"]", node
			had := len(d.mistakes)
			services[i] = r.service(node)
			if len(d.mistakes) == had { // else Check would only repeat it
				services[i].Check(r.problem)
			}
		}
		*to = services
		if len(d.mistakes) == r.first {
			CheckTogether(services, func(i int, field, format string, args ...any) {
				r.path, r.node = path+"["+strconv.Itoa(i)+"]", n.Content[i]
				r.problem(field, format, args...)
			})
		}
	}
}

// listReader reads one list.
type listReader struct {
	*decoder
	list  string
	first int // mistakes before the list
	path  string
	node  *yaml.Node // of the Service that is being read
	texts map[string]string
}

// wrong notes a mistake at a node of the Service. keys are the path to it.
func (r *listReader) wrong(n *yaml.Node, keys, format string, args ...any) {
	r.bad[r.list] = true
	if len(r.mistakes)-r.first < mostInList {
		r.note(strings.TrimSuffix(r.path+"."+keys, "."), n, format, args...)
	}
}

// problem places what Check found at the deepest node of the field's path that
// is there.
func (r *listReader) problem(field, format string, args ...any) {
	n := r.node
	for _, step := range strings.FieldsFunc(field, func(c rune) bool { return c == '.' || c == '[' || c == ']' }) {
		if i, err := strconv.Atoi(step); err == nil {
			if n.Kind != yaml.SequenceNode || i >= len(n.Content) {
				break
			}
			n = n.Content[i]
			continue
		}
		at := -1
		for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
			if n.Content[i].Value == step {
				at = i + 1
			}
		}
		if at < 0 {
			break
		}
		n = n.Content[at]
	}
	r.wrong(n, field, format, args...)
}

var (
	serviceKeys = []string{
		"namespace", "name", "type", "clusterIPs", "ports", "externalIPs", "loadBalancer", "loadBalancerSourceRanges",
		"internalTrafficPolicy", "externalTrafficPolicy", "affinitySeconds", "healthCheckNodePort", "otherProxy", "endpoints",
	}
	portKeys    = []string{"name", "protocol", "port", "nodePort"}
	targetKeys  = portKeys[:3]
	ingressKeys = []string{"ip", "ipMode"}
	subsetKeys  = []string{"ports", "addresses"}
)

func (r *listReader) service(n *yaml.Node) Service {
	s := Service{Type: ClusterIP}
	r.mapping(n, "", serviceKeys, func(key string, v *yaml.Node) {
		switch key {
		case "namespace":
			s.Namespace = r.word(v, key)
		case "name":
			s.Name = r.word(v, key)
		case "type":
			s.Type = Type(r.word(v, key))
		case "clusterIPs":
			s.ClusterIPs = each(r, v, key, (*listReader).address)
		case "ports":
			s.Ports = each(r, v, key, (*listReader).port)
		case "externalIPs":
			s.ExternalIPs = each(r, v, key, (*listReader).address)
		case "loadBalancer":
			s.Ingress = each(r, v, key, (*listReader).ingress)
		case "loadBalancerSourceRanges":
			s.SourceRanges = each(r, v, key, (*listReader).prefix)
		case "internalTrafficPolicy":
			s.InternalLocal = r.choice(v, key, "Cluster", "Local")
		case "externalTrafficPolicy":
			s.ExternalLocal = r.choice(v, key, "Cluster", "Local")
		case "affinitySeconds":
			s.AffinitySeconds = uint32(r.count(v, key, backends.MaxAffinitySeconds))
		case "healthCheckNodePort":
			s.HealthCheckNodePort = uint16(r.count(v, key, 65535))
		case "otherProxy":
			s.OtherProxy = r.choice(v, key, "false", "true")
		case "endpoints":
			s.Endpoints = each(r, v, key, (*listReader).subset)
		}
	})
	return s
}

func (r *listReader) port(n *yaml.Node, keys string) Port { return r.anyPort(n, keys, portKeys) }

func (r *listReader) target(n *yaml.Node, keys string) TargetPort {
	p := r.anyPort(n, keys, targetKeys)
	return TargetPort{p.Name, p.Protocol, p.Port}
}

func (r *listReader) anyPort(n *yaml.Node, keys string, valid []string) Port {
	p := Port{Protocol: string(backends.TCP)}
	r.mapping(n, keys, valid, func(key string, v *yaml.Node) {
		switch key {
		case "name":
			p.Name = r.word(v, keys+".name")
		case "protocol":
			p.Protocol = r.word(v, keys+".protocol")
		case "port":
			p.Port = uint16(r.count(v, keys+".port", 65535))
		case "nodePort":
			p.NodePort = uint16(r.count(v, keys+".nodePort", 65535))
		}
	})
	return p
}

func (r *listReader) ingress(n *yaml.Node, keys string) Ingress {
	var in Ingress
	r.mapping(n, keys, ingressKeys, func(key string, v *yaml.Node) {
		if key == "ip" {
			in.Addr = r.address(v, keys+".ip")
		} else {
			in.Proxy = r.choice(v, keys+".ipMode", "VIP", "Proxy")
		}
	})
	return in
}

func (r *listReader) subset(n *yaml.Node, keys string) Subset {
	var set Subset
	r.mapping(n, keys, subsetKeys, func(key string, v *yaml.Node) {
		if key == "ports" {
			set.Ports = each(r, v, "endpoints.ports", (*listReader).target)
		} else {
			set.Endpoints = each(r, v, "endpoints.addresses", (*listReader).endpoint)
		}
	})
	return set
}

// endpoint reads an address and what is said of it.
func (r *listReader) endpoint(n *yaml.Node, keys string) Endpoint {
	var e Endpoint
	s, ok := r.text(n, keys)
	if !ok {
		return e
	}
	first, rest, more := strings.Cut(s, " ")
	a, err := netip.ParseAddr(first)
	if err != nil {
		r.wrong(n, keys, "%s is no IP address; want one such as 10.128.0.7 node=node-3 notReady", quote(first))
		return e
	}
	e.Addr = a
	flags := e.flags()
	for more {
		var field string
		field, rest, more = strings.Cut(rest, " ")
		if i := slices.IndexFunc(flags[:], func(f flag) bool { return f.word == field && !*f.set }); i >= 0 {
			*flags[i].set = true
		} else if v, ok := strings.CutPrefix(field, nodeField); ok && e.Node == "" && v != "" {
			e.Node = r.once(v)
		} else if v, ok := strings.CutPrefix(field, zoneField); ok {
			e.Zones = append(e.Zones, r.once(v))
		} else if v, ok := strings.CutPrefix(field, hintNodeField); ok {
			e.Nodes = append(e.Nodes, r.once(v))
		} else if v, ok := strings.CutPrefix(field, weightField); ok && e.Weight == 0 {
			w, err := strconv.Atoi(v)
			if err != nil || !decimal.MatchString(v) || w < 1 || w > maxWeight {
				r.wrong(n, keys, "%s is no weight; want 1 to %d", quote(v), maxWeight)
				return e
			}
			e.Weight = uint16(w)
		} else {
			r.wrong(n, keys, "%s says nothing of an endpoint, or says it twice; want node=…, forZone=…, forNode=…, weight=…, notReady, notServing or terminating", quote(field))
			return e
		}
	}
	return e
}

// mapping reads a mapping with some of the keys, each once.
func (r *listReader) mapping(n *yaml.Node, keys string, valid []string, read func(key string, v *yaml.Node)) {
	if !r.plain(n, keys) {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.wrong(n, keys, "is %s; want a mapping with keys of %s", describe(n), strings.Join(valid, ", "))
		return
	}
	seen := 0
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		at := -1
		if k.Kind == yaml.ScalarNode {
			at = slices.Index(valid, k.Value)
		}
		switch {
		case k.Kind != yaml.ScalarNode:
			r.wrong(k, keys, "a key is %s; want text", describe(k))
		case at < 0:
			r.wrong(k, keys, "unknown key %s; %s", quote(k.Value), Instead(k.Value, valid))
		case seen&(1<<at) != 0:
			r.wrong(k, keys, "the key %s is given twice; keep one", k.Value)
		default:
			seen |= 1 << at
			read(valid[at], v)
		}
	}
}

// each reads a list.
func each[T any](r *listReader, n *yaml.Node, keys string, read func(r *listReader, n *yaml.Node, keys string) T) []T {
	if !r.plain(n, keys) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.wrong(n, keys, "is %s; want a list", describe(n))
		return nil
	}
	if len(n.Content) == 0 {
		return nil
	}
	list := make([]T, len(n.Content))
	for i, c := range n.Content {
		list[i] = read(r, c, keys)
	}
	return list
}

func (r *listReader) plain(n *yaml.Node, keys string) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		r.wrong(n, keys, "is the alias *%s; a scenario has no aliases, write the value out", n.Value)
	case n.Style&yaml.TaggedStyle != 0:
		r.wrong(n, keys, "has the tag %s; a scenario has no tags, write the plain value", quote(n.ShortTag()))
	default:
		return true
	}
	return false
}

func (r *listReader) text(n *yaml.Node, keys string) (string, bool) {
	if !r.plain(n, keys) {
		return "", false
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		r.wrong(n, keys, "is %s; want text", describe(n))
		return "", false
	}
	return n.Value, true
}

// word is a text that others have, too.
func (r *listReader) word(n *yaml.Node, keys string) string {
	s, _ := r.text(n, keys)
	return r.once(s)
}

// once is the one copy of a text, whose memory is not the file's.
func (r *listReader) once(s string) string {
	if same, ok := r.texts[s]; ok {
		return same
	}
	s = strings.Clone(s)
	r.texts[s] = s
	return s
}

func (r *listReader) address(n *yaml.Node, keys string) netip.Addr {
	s, ok := r.text(n, keys)
	if !ok {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		r.wrong(n, keys, "%s is no IP address", quote(s))
	}
	return a
}

func (r *listReader) prefix(n *yaml.Node, keys string) netip.Prefix {
	s, ok := r.text(n, keys)
	if !ok {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		r.wrong(n, keys, "%s is no address range", quote(s))
	}
	return p
}

// count reads a number from 1 to most; 0 is what an absent key means.
func (r *listReader) count(n *yaml.Node, keys string, most int) int {
	if !r.plain(n, keys) {
		return 0
	}
	if !isDecimal(n) {
		r.wrong(n, keys, "is %s; want a number", describe(n))
		return 0
	}
	v, err := strconv.Atoi(n.Value)
	if err != nil || v < 1 || v > most {
		r.wrong(n, keys, "is %s; want 1 to %d", clip(n.Value), most)
		return 0
	}
	return v
}

// choice reads one of two words, and whether it is the second.
func (r *listReader) choice(n *yaml.Node, keys, no, yes string) bool {
	if !r.plain(n, keys) {
		return false
	}
	if n.Kind != yaml.ScalarNode || n.Value != no && n.Value != yes {
		r.wrong(n, keys, "is %s; want %s or %s", describe(n), no, yes)
		return false
	}
	return n.Value == yes
}
