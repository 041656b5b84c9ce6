package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// maxDiff bounds the lines of a diff that are shown: when much is wrong, its
// beginning is enough.
const maxDiff = 60

// Diff is "" for equal captures. Otherwise it shows the lines that differ, each
// under the section that it is in: "-" is in want alone and "+" in got alone.
func Diff(want, got string) string {
	if want == got {
		return ""
	}
	wanted, gotten := sections(want), sections(got)
	var out []string
	for _, s := range union(wanted, gotten) {
		lines := diffLines(find(wanted, s), find(gotten, s))
		if len(lines) > 0 {
			out = append(append(out, "# "+s), lines...)
		}
	}
	if over := len(out) - maxDiff; over > 0 {
		out = append(out[:maxDiff], fmt.Sprintf("… and %d more lines", over))
	}
	return strings.Join(out, "\n") + "\n"
}

// sections reads a capture.
func sections(text string) []section {
	list := []section{{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "# "); ok {
			list = append(list, section{name: name})
			continue
		}
		last := &list[len(list)-1]
		last.lines = append(last.lines, line)
	}
	return list
}

func union(a, b []section) []string {
	var names []string
	for _, s := range append(slices.Clone(a), b...) {
		if !slices.Contains(names, s.name) {
			names = append(names, s.name)
		}
	}
	return names
}

func find(list []section, name string) []string {
	for _, s := range list {
		if s.name == name {
			return s.lines
		}
	}
	return nil
}

// diffLines is the shortest edit script by lines (Myers' greedy algorithm), or all
// lines when the two are too different for it to be of any help.
func diffLines(a, b []string) []string {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	const most = 1000 // edits, whose square is memory
	trace := shortestEdit(a, b, most)
	if trace == nil {
		return append(prefixed("- ", a), prefixed("+ ", b)...)
	}
	var reversed []string
	x, y := len(a), len(b)
	for d := len(trace) - 1; d >= 0; d-- {
		v := trace[d]
		k := x - y
		down := k == -d || k != d && v[k-1] < v[k+1]
		previous := k - 1
		if down {
			previous = k + 1
		}
		px := v[previous]
		py := px - previous
		for x > px && y > py {
			x, y = x-1, y-1
		}
		if d > 0 {
			if down {
				reversed = append(reversed, "+ "+b[py])
			} else {
				reversed = append(reversed, "- "+a[px])
			}
		}
		x, y = px, py
	}
	slices.Reverse(reversed)
	return reversed
}

// shortestEdit gives, for each number of edits, how far each diagonal had come
// before it; nil when more than most edits are needed.
func shortestEdit(a, b []string, most int) []map[int]int {
	v := map[int]int{1: 0}
	var trace []map[int]int
	for d := 0; d <= min(most, len(a)+len(b)); d++ {
		before := make(map[int]int, len(v))
		for k, x := range v {
			before[k] = x
		}
		trace = append(trace, before)
		for k := -d; k <= d; k += 2 {
			x := v[k-1] + 1
			if k == -d || k != d && v[k-1] < v[k+1] {
				x = v[k+1]
			}
			for x < len(a) && x-k < len(b) && a[x] == b[x-k] {
				x++
			}
			v[k] = x
			if x >= len(a) && x-k >= len(b) {
				return trace
			}
		}
	}
	return nil
}

func prefixed(prefix string, lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = prefix + l
	}
	return out
}
