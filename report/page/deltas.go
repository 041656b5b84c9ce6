package page

import (
	"math"
	"path/filepath"
	"strconv"

	"github.com/svcmark/svcmark/report/compare"
	"github.com/svcmark/svcmark/results"
)

// delta is what the page says of a run against the first one. Without a Document, Why
// says why they are not compared.
type delta struct {
	Old, New string
	Why      string
	*compare.Document
}

// deltas compares every run with the first. Parts of one run, which have no figure in
// common, are not compared.
func deltas(runs []*results.Run, names []string) []delta {
	var ds []delta
	for i, run := range runs {
		if i == 0 {
			continue
		}
		d := delta{Old: names[0], New: names[i]}
		old, now := compare.NewSide(d.Old, runs[0], ""), compare.NewSide(d.New, run, "")
		c, err := compare.Of(old, now, compare.DefaultPolicy(old.Virtual()))
		switch {
		case err != nil:
			d.Why = "The two are not compared: " + err.Error() + "."
		case len(c.Differences) == 0 && !common(c):
			continue
		default:
			d.Document = c.Document()
		}
		ds = append(ds, d)
	}
	return ds
}

// common says whether any figure is on both sides.
func common(c *compare.Comparison) bool {
	for i := range c.Rows {
		if len(c.Rows[i].Old.Values) > 0 && len(c.Rows[i].New.Values) > 0 {
			return true
		}
	}
	return false
}

// Count is how many deltas the filter of that name lets be seen.
func (d delta) Count(filter string) (n int) {
	for _, x := range d.Deltas {
		switch filter {
		case "changed":
			n += one(!x.Same())
		case "bad":
			n += one(x.Bad())
		default:
			n++
		}
	}
	return n
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sign tells verdicts apart without colours.
func sign(v compare.Verdict) string {
	switch v {
	case compare.Worse:
		return "✗"
	case compare.Better:
		return "✓"
	case compare.Lost:
		return "−"
	case compare.New:
		return "+"
	case compare.Inconclusive:
		return "?"
	case compare.Changed:
		return "≠"
	}
	return "="
}

// sortKey is a number as a script reads it, "" when it is none.
func sortKey(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	if math.IsInf(v, 1) {
		return "Infinity"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// runNames are the runs' as people know them: the last element of their directories
// where that tells them apart, else the directories.
func runNames(runs []*results.Run) []string {
	var short, long []string
	seen := map[string]bool{}
	twice := false
	for _, run := range runs {
		name := filepath.Base(run.Dir)
		twice = twice || seen[name]
		seen[name] = true
		short, long = append(short, name), append(long, run.Dir)
	}
	if twice {
		return long
	}
	return short
}
