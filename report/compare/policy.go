package compare

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"github.com/svcmark/svcmark/results"
)

// Policy says how much worse a figure may be.
type Policy struct {
	Rules []Rule
	// Shift is by how many instructions a packet measurement of a backend may be worse
	// over all its points together: see Shift.
	Shift float64
}

// Rule is the limit of some figures. An empty field fits all, and the last rule that
// fits decides.
type Rule struct {
	Measurement string
	Unit        string
	Labels      map[string]string
	Ignore      bool    // the figure is shown and not judged
	Limit       float64 // a share: 0.01 is one percent
	// Least is how large a difference must be besides, in the unit.
	Least float64
}

// Limits by default. In the virtual clock a figure differs for a reason, and what is
// left besides is said in docs/gate.md; in the wall clock less than a twentieth is
// seldom worth a look.
const (
	virtualLimit = 0.01
	wallLimit    = 0.05
	shiftLimit   = 10
	// leastWork keeps small syncs from alarming: another binary's sync of ten Services
	// differs by some hundred thousand instructions though it does the same.
	leastWork = 1_000_000
)

// DefaultPolicy judges the first unit of each measurement, losses, and memory.
func DefaultPolicy(virtual bool) Policy {
	limit := wallLimit
	if virtual {
		limit = virtualLimit
	}
	p := Policy{Shift: shiftLimit, Rules: []Rule{{Limit: limit}}}
	if virtual {
		for _, m := range []string{"Sync", "PartialSync", "CPU"} {
			p.Rules = append(p.Rules, Rule{Measurement: m, Limit: limit, Least: leastWork})
		}
		// Where in a chain a random Service stands decides more than who put it there:
		// the median of such places moves by up to 3 % between builds that do the same.
		p.Rules = append(p.Rules, Rule{Labels: map[string]string{"position": "random"}, Limit: 0.05})
	}
	// The kernel hands out memory by the page and the slab: a few of either are nobody's.
	p.Rules = append(p.Rules, Rule{Measurement: "Memory", Limit: 0.05, Least: 256 << 10})
	// Connections that are opened every few milliseconds see no less than those.
	p.Rules = append(p.Rules, Rule{Measurement: "TimeToEffective", Limit: 0.1, Least: 10e6})
	return p
}

// rule is the one that decides for a pair, and whether the pair is judged at all.
func (p Policy) rule(x *Pair) (Rule, bool) {
	judged := x.Unit.Better != results.Neither && (x.Primary || x.Unit.Name == "lost/op" || x.Unit.Name == "lost" || x.Unit.Name == "tools-peak-B")
	var found Rule
	for _, r := range p.Rules {
		if !r.fits(x) {
			continue
		}
		found = r
		if r.named() { // whoever names a unit means it
			judged = x.Unit.Better != results.Neither
		}
	}
	return found, judged && !found.Ignore
}

func (r Rule) named() bool { return r.Unit != "" }

func (r Rule) fits(x *Pair) bool {
	if r.Measurement != "" && r.Measurement != x.Measurement || r.Unit != "" && r.Unit != x.Unit.Name {
		return false
	}
	for key, want := range r.Labels {
		if valueOf(x.Labels, key) != want {
			return false
		}
	}
	return true
}

// What the first two keys of a policy file say.
const (
	policyVersion = "svcmark/v1"
	policyKind    = "Policy"
)

// policyFile is a policy as it is written.
type policyFile struct {
	APIVersion string     `yaml:"apiVersion"`
	Kind       string     `yaml:"kind"`
	Shift      *float64   `yaml:"shift"`
	Limits     []fileRule `yaml:"limits"`
}

type fileRule struct {
	Measurement string            `yaml:"measurement"`
	Unit        string            `yaml:"unit"`
	Labels      map[string]string `yaml:"labels"`
	Limit       string            `yaml:"limit"`
	Least       float64           `yaml:"least"`
}

// mostPolicy is how large a policy file may be, in bytes.
const mostPolicy = 1 << 20

// ParsePolicy reads a policy file, whose rules come after those by default. name stands
// for it in errors.
func ParsePolicy(name string, data []byte, virtual bool) (Policy, error) {
	p := DefaultPolicy(virtual)
	fail := func(err error) (Policy, error) { return Policy{}, fmt.Errorf("%s: %w", name, err) }
	if len(data) > mostPolicy {
		return fail(errors.New("is larger than 1 MiB; is that a policy?"))
	}
	if bytes.ContainsAny(data, "&*") {
		return fail(errors.New("holds a & or a *; a policy has no anchors and aliases"))
	}
	var f policyFile
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&f); errors.Is(err, io.EOF) {
		return fail(errors.New("is empty; a policy starts with apiVersion: " + policyVersion))
	} else if err != nil {
		return fail(err)
	}
	if f.APIVersion != policyVersion || f.Kind != policyKind {
		return fail(fmt.Errorf("apiVersion is %q and kind %q; want %s and %s", f.APIVersion, f.Kind, policyVersion, policyKind))
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fail(errors.New("has a second document; want one"))
	}
	if f.Shift != nil {
		if !(*f.Shift >= 0) {
			return fail(fmt.Errorf("shift is %v; want 0 or more instructions", *f.Shift))
		}
		p.Shift = *f.Shift
	}
	for i, r := range f.Limits {
		rule := Rule{Measurement: r.Measurement, Unit: r.Unit, Labels: r.Labels, Least: r.Least}
		if !(r.Least >= 0) {
			return fail(fmt.Errorf("limits[%d]: least is %v; want 0 or more", i, r.Least))
		}
		if r.Limit == "ignore" {
			rule.Ignore = true
		} else {
			text, isPercent := strings.CutSuffix(r.Limit, "%")
			v, err := strconv.ParseFloat(text, 64)
			if err != nil || !isPercent || !(v >= 0 && v <= 1e6) {
				return fail(fmt.Errorf("limits[%d]: limit is %q; want a share such as 2.5%%, or ignore", i, r.Limit))
			}
			rule.Limit = v / 100
		}
		p.Rules = append(p.Rules, rule)
	}
	return p, nil
}

// unused are the rules of a policy beyond those by default that fit no pair: a slip of
// the pen judges nothing.
func (p Policy) unused(virtual bool, all []*Pair) []string {
	var unused []string
	for i, r := range p.Rules[min(len(p.Rules), len(DefaultPolicy(virtual).Rules)):] {
		if !slices.ContainsFunc(all, r.fits) {
			unused = append(unused, fmt.Sprintf("limits[%d] of the policy fits no figure", i))
		}
	}
	return unused
}
