package scenarios

import (
	"strconv"
	"strings"
)

// Instead says what a name that is not among the valid ones should have been.
func Instead(name string, valid []string) string {
	if near := nearest(name, valid); near != "" {
		return "did you mean " + strconv.Quote(near) + "?"
	}
	return "want " + oneOf(valid)
}

// nearest is the valid name of which name looks like a slip of the finger, ""
// when there is none.
func nearest(name string, valid []string) string {
	best, distance := "", 1+len(name)/3
	if len(name) <= 64 { // the distance is quadratic, and long names are no slips
		for _, v := range valid {
			if d := edits(strings.ToLower(name), strings.ToLower(v)); d <= distance && d < len(v) {
				if best == "" || d < distance {
					best, distance = v, d
				}
			}
		}
	}
	return best
}

// oneOf is "a", "a or b", "a, b or c".
func oneOf(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// edits is the number of inserted, removed, replaced and swapped neighbouring
// bytes between a and b (optimal string alignment).
func edits(a, b string) int {
	before, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(b)]
}

// quote shows text from a file: quoted, and not more than a line of it.
func quote(s string) string {
	const most = 60
	if r := []rune(s[:min(len(s), 4*most)]); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return strconv.Quote(s)
}
