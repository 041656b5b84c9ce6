// Package compare sets two sides' figures against each other, each with the same of the
// other side, and judges what has become of them: it is what the verbs compare and gate
// say. A side is a run, or what one run says of the programs with one label.
package compare

import (
	"regexp"
	"strings"

	"github.com/svcmark/svcmark/results"
)

// Backend is the label that may carry a program's label: kube-proxy@old-nftables.
const backendLabel = "backend"

// Side is one of the two.
type Side struct {
	Name string
	run  *results.Run
	// label is that of the programs that count, "" when the side is a whole run.
	label string
}

// NewSide makes a side of a run. With a label it has the backends of the programs with
// that label, called like those without.
func NewSide(name string, run *results.Run, label string) Side {
	return Side{Name: name, run: run, label: label}
}

// Fingerprint is what the side's figures belong to.
func (s Side) Fingerprint() results.Fingerprint { return s.run.Meta.Fingerprint }

// Virtual says whether the side's figures are of the virtual clock.
func (s Side) Virtual() bool { return s.run.Meta.Fingerprint.Clock == "virtual" }

// labelled finds the label of a program in a backend's name.
var labelled = regexp.MustCompile(`^([^@]+)@([a-zA-Z0-9]+(?:\.[a-zA-Z0-9]+)*)(-.*)?$`)

// disturbances are what may have moved the side's figures.
func (s Side) disturbances() []string {
	var notes []string
	for _, m := range s.run.Meta.Machines {
		for _, w := range m.Warnings {
			notes = append(notes, s.Name+": "+w)
		}
	}
	return notes
}

// take gives labels as the side has them, and whether they are its own.
func (s Side) take(labels []results.Label) ([]results.Label, bool) {
	if s.label == "" {
		return labels, true
	}
	taken := make([]results.Label, len(labels))
	copy(taken, labels)
	for i, l := range taken {
		if l.Key != backendLabel {
			continue
		}
		m := labelled.FindStringSubmatch(l.Value)
		if m == nil || m[2] != s.label {
			return nil, false
		}
		taken[i].Value = m[1] + m[3]
	}
	return taken, true
}

// textOf tells labels apart.
func textOf(labels []results.Label) string {
	var b strings.Builder
	for i, l := range labels {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(l.Key + "=" + l.Value)
	}
	return b.String()
}

// without are the labels but for one key.
func without(labels []results.Label, key string) []results.Label {
	var left []results.Label
	for _, l := range labels {
		if l.Key != key {
			left = append(left, l)
		}
	}
	return left
}

func valueOf(labels []results.Label, key string) string {
	for _, l := range labels {
		if l.Key == key {
			return l.Value
		}
	}
	return ""
}
