package report

import (
	"slices"
	"strings"

	"github.com/svcmark/svcmark/results"
)

// subtitle says what the figures are, and where they are from.
func (r *Report) subtitle(t *Table, split []results.Label) string {
	parts := []string{}
	if c := caption(append(slices.Clone(split), t.Common...)); c != "" {
		parts = append(parts, c)
	}
	if r.Control != "" {
		parts = append(parts, "minus "+r.Control)
	}
	if len(r.Runs) == 1 {
		run := r.Runs[0].Meta.Fingerprint
		release, _, _ := strings.Cut(run.Kernel, " ") // the build does not fit
		parts = append(parts, "kernel "+release, run.Lab+" lab, "+run.Clock+" clock")
	}
	if t.Unit.Exact {
		parts = append(parts, "exact values")
	} else {
		parts = append(parts, "medians")
	}
	return strings.Join(parts, "  ·  ")
}

// caption is labels for a picture: "position: last, protocol: tcp".
func caption(labels []results.Label) string {
	var ss []string
	for _, l := range labels {
		ss = append(ss, l.Key+": "+l.Value)
	}
	return strings.Join(ss, ", ")
}

// foot is the picture's last line.
func (f *figure) foot() string {
	if f.footing != "" {
		return f.footing
	}
	s := "Lower is better."
	if f.better == results.Higher {
		s = "Higher is better."
	}
	if len(f.legend) == 0 && len(f.panels) > 1 {
		s += " Each panel has its own scale."
	}
	if f.over == overPercentiles {
		s += " All repetitions together."
	}
	if f.over != overSizes && f.note != "" {
		s += " " + f.note
	}
	if len(f.legend) > 0 && f.over == overSizes {
		s += " Markers: measured. Lines: least-squares fits where cost is O(1) or O(n), else point to point."
	}
	if f.over == overSizes && f.whiskers() {
		s += " Whiskers: 95 % intervals."
	}
	if f.q.noun == "instructions" {
		s += " Virtual clock: instructions, not time."
	}
	return s
}

// whiskers tells whether some point has an interval to draw.
func (f *figure) whiskers() bool {
	for _, p := range f.panels {
		for _, c := range p.curves {
			for _, pt := range c.points {
				if _, _, ok := bounds(pt); ok {
					return true
				}
			}
		}
	}
	return false
}

// slugOf makes a file's name from words: "first-packet-tcp".
func slugOf(parts []string) string {
	s := strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '.', r == '_':
			return r
		}
		return '-'
	}, strings.Join(parts, "-"))
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '-' }), "-")
}
