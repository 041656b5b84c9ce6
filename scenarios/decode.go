package scenarios

import (
	"fmt"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// decoder turns a YAML tree into a Scenario and notes every mistake on the way
// instead of stopping at the first. It judges types and keys; whether the values
// make sense is check's business, which needs to know where each value stood.
type decoder struct {
	file     string
	mistakes Mistakes
	marks    map[string]*yaml.Node // where each path's value stands
	bad      map[string]bool       // paths whose value is missing or useless
	open     files                 // nil where there are none
}

// A value reads the node at path into a place of its own.
type value func(path string, n *yaml.Node)

// field is a key of a mapping; example is set when the key is required.
type field struct {
	key     string
	example string
	read    value
}

func required(key, example string, read value) field { return field{key, example, read} }
func optional(key string, read value) field          { return field{key: key, read: read} }

// scenario reads the whole document into s.
func (d *decoder) scenario(s *Scenario) value {
	return d.object(
		required("apiVersion", APIVersion, d.constant(APIVersion)),
		required("kind", Kind, d.constant(Kind)),
		required("metadata", "{name: my-scenario}", d.object(
			required("name", "my-scenario", d.text(&s.Metadata.Name)),
			optional("description", d.text(&s.Metadata.Description)),
		)),
		optional("seed", d.seed(&s.Seed)),
		required("services", "{count: [10, 100], endpoints: 3}", d.services(&s.Services)),
		required("backends", "[direct, iptables-legacy]", d.backends(s)),
		optional("limits", d.limits(&s.Limits)),
		required("measure", "[sync, firstPacket]", d.names(&s.Measure)),
		optional("operations", d.number(&s.Operations)),
		optional("traffic", d.traffic(&s.Traffic)),
		optional("churn", d.churn(&s.Churn)),
		optional("repeat", d.repeat(&s.Repeat)),
		optional("network", d.object(
			optional("serviceCIDR", d.prefixes(&s.Network.ServiceCIDRs)),
			optional("clusterCIDR", d.prefixes(&s.Network.ClusterCIDRs)),
		)),
		optional("node", d.object(
			optional("name", d.text(&s.Node.Name)),
			optional("zone", d.text(&s.Node.Zone)),
			optional("addresses", d.addresses(&s.Node.Addrs)),
		)),
	)
}

// fail notes a mistake that makes the value of path useless.
func (d *decoder) fail(path string, n *yaml.Node, format string, args ...any) {
	d.bad[path] = true
	d.note(path, n, format, args...)
}

// note notes a mistake at a node.
func (d *decoder) note(path string, n *yaml.Node, format string, args ...any) {
	d.mistakes = append(d.mistakes, Mistake{
		File: d.file, Line: n.Line, Column: n.Column, Path: path, Message: fmt.Sprintf(format, args...),
	})
}

// at reads the value of path, after what holds for every value.
func (d *decoder) at(path string, n *yaml.Node, read value) {
	d.marks[path] = n
	switch {
	case n.Kind == yaml.AliasNode:
		// Refusing them is what makes an alias bomb harmless, and a scenario
		// is short enough to be written out.
		d.fail(path, n, "is the alias *%s; a scenario has no aliases, write the value out", n.Value)
	case n.Style&yaml.TaggedStyle != 0:
		d.fail(path, n, "has the tag %s; a scenario has no tags, write the plain value", quote(n.ShortTag()))
	default:
		read(path, n)
	}
}

// entries walks a mapping whose keys are text, each once.
func (d *decoder) entries(path string, n *yaml.Node, want string, entry func(key string, k, v *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.wrongType(path, n, want)
		return
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode {
			d.note(path, k, "a key is %s; want text", describe(k))
			continue
		}
		if line, ok := first[k.Value]; ok {
			d.note(join(path, k.Value), k, "is given twice, first in line %d; keep one", line)
			continue
		}
		first[k.Value] = k.Line
		entry(k.Value, k, v)
	}
}

// object reads a mapping with fixed keys.
func (d *decoder) object(fields ...field) value {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.key
	}
	return func(path string, n *yaml.Node) {
		seen := map[string]bool{}
		var misspelt []string
		d.entries(path, n, "a mapping with the keys "+strings.Join(keys, ", "), func(key string, k, v *yaml.Node) {
			seen[key] = true
			for _, f := range fields {
				if f.key == key {
					d.at(join(path, key), v, f.read)
					return
				}
			}
			d.note(path, k, "unknown key %s; %s", quote(key), Instead(key, keys))
			if near := nearest(key, keys); near != "" {
				misspelt = append(misspelt, near)
			}
		})
		for _, near := range misspelt {
			if !seen[near] { // then it is not missing, too
				seen[near], d.bad[join(path, near)] = true, true
			}
		}
		if n.Kind != yaml.MappingNode {
			return
		}
		for _, f := range fields {
			if f.example != "" && !seen[f.key] {
				d.missing(path, n, f.key, f.example)
			}
		}
	}
}

func (d *decoder) missing(path string, n *yaml.Node, key, example string) {
	d.bad[join(path, key)] = true
	d.note(path, n, "the key %q is missing; write for example %s: %s", key, key, example)
}

// items reads a list. A list of one item and its item share a path, since an
// axis of one value may be written without brackets. An item that cannot be
// read keeps its place, so that paths count as the file does.
func items[T any](d *decoder, path string, n *yaml.Node, read func(path string, n *yaml.Node, to *T)) []T {
	list := make([]T, len(n.Content))
	for i, c := range n.Content {
		d.at(item(path, i, len(list)), c, func(path string, n *yaml.Node) { read(path, n, &list[i]) })
	}
	return list
}

// axis reads a number, or a list of numbers.
func (d *decoder) axis(to *[]int) value {
	return func(path string, n *yaml.Node) {
		switch n.Kind {
		case yaml.ScalarNode:
			*to = make([]int, 1)
			d.readNumber(path, n, "a number, or a list of numbers", &(*to)[0])
		case yaml.SequenceNode:
			*to = items(d, path, n, func(path string, n *yaml.Node, to *int) { d.readNumber(path, n, "a number", to) })
		default:
			d.wrongType(path, n, "a number, or a list of numbers")
		}
	}
}

// names reads a list of texts.
func (d *decoder) names(to *[]string) value {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			d.wrongType(path, n, "a list of names")
			return
		}
		*to = items(d, path, n, func(path string, n *yaml.Node, to *string) { d.text(to)(path, n) })
	}
}

// services reads the shape of the Services, or the list of them.
func (d *decoder) services(to *Services) value {
	generator := []field{
		optional("count", d.axis(&to.Count)),
		optional("endpoints", d.axis(&to.Endpoints)),
		optional("mix", d.shares(to.Mix.fields())),
		optional("protocols", d.shares(to.Protocols.fields())),
		optional("policies", d.policies(&to.Policies)),
		optional("weights", d.axis(&to.Weights)),
	}
	var times []int
	read := d.object(append(generator, optional("list", d.list(&to.List)), optional("times", d.axis(&times)))...)
	return func(path string, n *yaml.Node) {
		read(path, n)
		to.setTimes(times)
		if d.marks[join(path, "list")] == nil {
			for _, f := range []field{required("count", "[10, 100, 1000]", nil), required("endpoints", "3", nil)} {
				at := join(path, f.key)
				if n.Kind == yaml.MappingNode && d.marks[at] == nil && !d.bad[at] {
					d.missing(path, n, f.key, f.example)
				}
			}
			return
		}
		for _, f := range generator {
			if at := join(path, f.key); d.marks[at] != nil {
				d.fail(at, d.marks[at], "does not go with a list of Services, which says everything; keep one of the two")
			}
		}
		*to = Services{List: to.List, Times: to.Times}
	}
}

// shares reads a mapping of shares; one that is not given is 0.
func (d *decoder) shares(shares []share) value {
	var fields []field
	for _, s := range shares {
		fields = append(fields, optional(s.key, d.number(s.of)))
	}
	read := d.object(fields...)
	return func(path string, n *yaml.Node) {
		for _, s := range shares {
			*s.of = 0
		}
		read(path, n)
	}
}

func (d *decoder) policies(to *Policies) value {
	var fields []field
	for _, s := range to.fields() {
		fields = append(fields, optional(s.key, d.number(s.of)))
	}
	return d.object(append(fields, optional("affinitySeconds", d.number(&to.AffinitySeconds)))...)
}

// limits reads {backend: {services: n}}.
func (d *decoder) limits(to *[]Limit) value {
	return func(path string, n *yaml.Node) {
		d.entries(path, n, "a mapping such as {iptables-nft: {services: 1000}}", func(key string, k, v *yaml.Node) {
			l := Limit{Backend: key}
			d.at(join(path, key), v, d.object(required("services", "1000", d.number(&l.Services))))
			d.marks[join(path, key)] = k // an unknown backend is the key's fault
			*to = append(*to, l)
		})
		sortLimits(*to)
	}
}
