package scenarios

import (
	"net/netip"
	"regexp"
	"strconv"

	yaml "go.yaml.in/yaml/v4"
)

// constant reads a text that can only be one.
func (d *decoder) constant(want string) value {
	return func(path string, n *yaml.Node) {
		var got string
		if d.text(&got)(path, n); !d.bad[path] && got != want {
			d.fail(path, n, "is %s; want %s", quote(got), want)
		}
	}
}

func (d *decoder) text(to *string) value {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
			d.wrongType(path, n, "text")
			return
		}
		*to = n.Value
	}
}

func (d *decoder) number(to *int) value {
	return func(path string, n *yaml.Node) { d.readNumber(path, n, "a number", to) }
}

// repeat refuses the 0 that stands for an absent key.
func (d *decoder) repeat(to *int) value {
	return func(path string, n *yaml.Node) {
		if d.number(to)(path, n); !d.bad[path] && *to == 0 {
			d.fail(path, n, "is 0; want 1 or more, or leave the key out to let the clock decide")
		}
	}
}

func (d *decoder) seed(to *uint64) value {
	return func(path string, n *yaml.Node) {
		if !isDecimal(n) {
			d.wrongType(path, n, "a whole number")
			return
		}
		v, err := strconv.ParseUint(n.Value, 10, 64)
		if err != nil {
			d.fail(path, n, "is %s; want a whole number from 0 to %d", clip(n.Value), uint64(1<<64-1))
			return
		}
		*to = v
	}
}

// prefixes reads a range, or a list of them.
func (d *decoder) prefixes(to *[]netip.Prefix) value {
	var example string
	if len(*to) > 0 {
		example = (*to)[0].String()
	}
	one := func(path string, n *yaml.Node, to *netip.Prefix) {
		var s string
		if d.text(&s)(path, n); d.bad[path] {
			return
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			d.fail(path, n, "%s is no address range; want one such as %s", quote(s), example)
			return
		}
		*to = p
	}
	return func(path string, n *yaml.Node) {
		if n.Kind == yaml.SequenceNode {
			*to = items(d, path, n, one)
			return
		}
		*to = make([]netip.Prefix, 1)
		one(path, n, &(*to)[0])
	}
}

// addresses reads a list of IP addresses.
func (d *decoder) addresses(to *[]netip.Addr) value {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			d.wrongType(path, n, "a list of IP addresses")
			return
		}
		*to = items(d, path, n, func(path string, n *yaml.Node, to *netip.Addr) {
			var s string
			if d.text(&s)(path, n); d.bad[path] {
				return
			}
			a, err := netip.ParseAddr(s)
			if err != nil {
				d.fail(path, n, "%s is no IP address", quote(s))
			}
			*to = a
		})
	}
}

func (d *decoder) readNumber(path string, n *yaml.Node, want string, to *int) {
	if !isDecimal(n) {
		d.wrongType(path, n, want)
		return
	}
	v, err := strconv.Atoi(n.Value)
	if err != nil {
		d.fail(path, n, "%s is far out of range", clip(n.Value))
		return
	}
	*to = v
}

func (d *decoder) wrongType(path string, n *yaml.Node, want string) {
	d.fail(path, n, "is %s; want %s", describe(n), want)
}

// YAML 1.1 and 1.2 disagree on 010, and 1_000 or 0x10 are no better in a file
// that others should read without doubt: only plain decimals are numbers.
var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

func isDecimal(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() != "!!str" && decimal.MatchString(n.Value)
}

// describe says what a node is, as a sentence's object.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.ShortTag() {
	case "!!null":
		return "empty"
	case "!!int", "!!float":
		if decimal.MatchString(n.Value) {
			return "the number " + clip(n.Value)
		}
		return quote(n.Value) + ", which is no plain decimal number"
	case "!!bool":
		return "the truth value " + n.Value
	}
	return "the text " + quote(n.Value)
}

func clip(digits string) string {
	if len(digits) > 24 {
		return digits[:21] + "…"
	}
	return digits
}
