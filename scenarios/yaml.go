package scenarios

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// YAML is the scenario in its canonical form: every key that has a value,
// defaults included, always in the same order and layout. Parse gives the same
// Scenario back. It is written here rather than by a YAML library, whose next
// version might lay it out differently and so change every Hash.
func (s *Scenario) YAML() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n", APIVersion, Kind, scalar(s.Metadata.Name))
	if s.Metadata.Description != "" {
		fmt.Fprintf(&b, "  description: %s\n", strconv.Quote(s.Metadata.Description))
	}
	s.body(&b)
	return []byte(b.String())
}

// Hash is the SHA-256 of the canonical form without the metadata, in
// hexadecimal: it changes with everything that decides what the figures are, and
// not with how the scenario is called.
func (s *Scenario) Hash() string {
	var b strings.Builder
	s.body(&b)
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}

func (s *Scenario) body(b *strings.Builder) {
	fmt.Fprintf(b, "seed: %d\nservices:\n", s.Seed)
	if s.Services.List != nil {
		writeList(b, s.Services.List)
		if s.Services.Times != nil {
			fmt.Fprintf(b, "  times: %s\n", axis(s.Services.Times))
		}
	} else {
		s.Services.shape(b)
	}
	fmt.Fprintf(b, "backends: %s\n", s.backends())
	if len(s.Limits) > 0 {
		b.WriteString("limits:\n")
	}
	for _, l := range s.Limits {
		fmt.Fprintf(b, "  %s: {services: %d}\n", scalar(l.Backend), l.Services)
	}
	fmt.Fprintf(b, "measure: %s\noperations: %d\n", list(s.Measure), s.Operations)
	s.Traffic.yaml(b)
	s.Churn.yaml(b)
	if s.Repeat > 0 {
		fmt.Fprintf(b, "repeat: %d\n", s.Repeat)
	}
	fmt.Fprintf(b, "network:\n  serviceCIDR: %s\n  clusterCIDR: %s\n", prefixes(s.Network.ServiceCIDRs), prefixes(s.Network.ClusterCIDRs))
	s.Node.yaml(b)
}

// shape is all that the generator makes Services of. What svcmark had from the
// beginning is always there, the rest where it says something: a scenario keeps
// its Hash when there is more that it could have said.
func (v *Services) shape(b *strings.Builder) {
	fmt.Fprintf(b, "  count: %s\n  endpoints: %s\n", axis(v.Count), axis(v.Endpoints))
	fmt.Fprintf(b, "  mix: {ClusterIP: %d%s}\n", v.Mix.ClusterIP, shares(v.Mix.fields()[1:]))
	fmt.Fprintf(b, "  protocols: {TCP: %d, UDP: %d%s}\n", v.Protocols.TCP, v.Protocols.UDP, shares(v.Protocols.fields()[2:]))
	told := shares(v.Policies.fields())
	if v.Policies.AffinitySeconds != defaultAffinity {
		told += fmt.Sprintf(", affinitySeconds: %d", v.Policies.AffinitySeconds)
	}
	if told != "" {
		fmt.Fprintf(b, "  policies: {%s}\n", strings.TrimPrefix(told, ", "))
	}
	if v.Weights != nil {
		fmt.Fprintf(b, "  weights: %s\n", axis(v.Weights))
	}
}

// shares are those that are not 0.
func shares(fields []share) string {
	var b strings.Builder
	for _, f := range fields {
		if *f.of != 0 {
			fmt.Fprintf(&b, ", %s: %d", f.key, *f.of)
		}
	}
	return b.String()
}

// yaml says of the node what is not the default.
func (n *Node) yaml(b *strings.Builder) {
	var told []string
	if n.Name != defaultNode {
		told = append(told, "name: "+scalar(n.Name))
	}
	if n.Zone != "" {
		told = append(told, "zone: "+scalar(n.Zone))
	}
	if n.Addrs != nil {
		told = append(told, "addresses: "+addresses(n.Addrs))
	}
	if len(told) > 0 {
		fmt.Fprintf(b, "node: {%s}\n", strings.Join(told, ", "))
	}
}

// prefixes are one range, or a list of them.
func prefixes(list []netip.Prefix) string {
	if len(list) == 1 {
		return text(list[0].String())
	}
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = text(p.String())
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

func addresses(list []netip.Addr) string {
	texts := make([]string, len(list))
	for i, a := range list {
		texts[i] = text(a.String())
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// text is an address, or a text that starts with one, as YAML text: those of
// IPv6 are quoted, since colons mean something there.
func text(s string) string {
	if strings.ContainsRune(s, ':') {
		return `"` + s + `"`
	}
	return s
}

func axis(values []int) string {
	if len(values) == 1 {
		return strconv.Itoa(values[0])
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = strconv.Itoa(v)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// backends are names and definitions.
func (s *Scenario) backends() string {
	texts := make([]string, len(s.Backends))
	for i, n := range s.Backends {
		texts[i] = scalar(n)
		if p := s.program(n); p != nil {
			texts[i] = p.yaml()
		}
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// yaml is a definition with every key that has a value.
func (p *Program) yaml() string {
	if k := p.KubeProxy; k != nil {
		told := fmt.Sprintf("name: %s, mode: %s", scalar(p.Name), strconv.Quote(k.Mode))
		if k.Label != "" {
			told += ", label: " + strconv.Quote(k.Label)
		}
		if len(k.Flags) > 0 {
			told += ", flags: " + quoted(k.Flags)
		}
		if k.Configuration != "" {
			told += ", configuration: " + strconv.Quote(k.Configuration)
		}
		return "{kubeProxy: {" + told + "}}"
	}
	e := p.Exec
	told := fmt.Sprintf("name: %s, command: %s", scalar(p.Name), quoted(e.Command))
	if len(e.Env) > 0 {
		var env []string
		for _, v := range e.Env {
			env = append(env, strconv.Quote(v.Name)+": "+strconv.Quote(v.Value))
		}
		told += ", env: {" + strings.Join(env, ", ") + "}"
	}
	return fmt.Sprintf("{exec: {%s, ready: {timeout: %s, interval: %s}}}", told, e.Ready.Timeout, e.Ready.Interval)
}

func quoted(texts []string) string {
	all := make([]string, len(texts))
	for i, t := range texts {
		all[i] = strconv.Quote(t)
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func list(names []string) string {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = scalar(n)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

var plain = regexp.MustCompile(`^[a-z][-/a-zA-Z0-9]*$`)

// scalar is a name as YAML text, quoted where some version of YAML would take
// it for something else.
func scalar(name string) string {
	if plain.MatchString(name) && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, name) {
		return name
	}
	return strconv.Quote(name)
}
