package scenarios

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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
	v := &s.Services
	fmt.Fprintf(b, "seed: %d\nservices:\n  count: %s\n  endpoints: %s\n", s.Seed, axis(v.Count), axis(v.Endpoints))
	fmt.Fprintf(b, "  mix: {ClusterIP: %d}\n  protocols: {TCP: %d, UDP: %d}\n", v.Mix.ClusterIP, v.Protocols.TCP, v.Protocols.UDP)
	fmt.Fprintf(b, "backends: %s\n", list(s.Backends))
	if len(s.Limits) > 0 {
		b.WriteString("limits:\n")
	}
	for _, l := range s.Limits {
		fmt.Fprintf(b, "  %s: {services: %d}\n", scalar(l.Backend), l.Services)
	}
	fmt.Fprintf(b, "measure: %s\noperations: %d\n", list(s.Measure), s.Operations)
	if s.Repeat > 0 {
		fmt.Fprintf(b, "repeat: %d\n", s.Repeat)
	}
	fmt.Fprintf(b, "network:\n  serviceCIDR: %s\n  clusterCIDR: %s\n", s.Network.ServiceCIDR, s.Network.ClusterCIDR)
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
