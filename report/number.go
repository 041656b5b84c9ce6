package report

import (
	"math"
	"strconv"
	"strings"
)

// scale is a family of prefixes.
type scale struct {
	base     float64
	prefixes []string // of base^0, base^1, …
	small    []string // of base^-1, …
}

var (
	si = scale{1000, []string{"", "k", "M", "G", "T", "P"}, nil}
	// Only time has small prefixes: "20m instructions" reads as 20 million.
	seconds = scale{1000, []string{""}, []string{"m", "µ", "n"}}
	iec     = scale{1024, []string{"", "Ki", "Mi", "Gi", "Ti", "Pi"}, nil}
)

// format prints v with the given number of significant digits and a prefix:
// 222500 is 222.5k. Whole numbers below 10,000 are printed whole.
func (s scale) format(v float64, digits int) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 1):
		return "∞"
	case math.IsInf(v, -1):
		return "-∞"
	case v == math.Trunc(v) && math.Abs(v) < 10000 && (s.base == 1000 || math.Abs(v) < s.base):
		return strconv.FormatFloat(v+0, 'f', -1, 64)
	}
	scaled, prefix := s.reduce(v, digits)
	return significant(scaled, digits) + prefix
}

// short prints v with as few digits as say it: 1k, 2.5M.
func (s scale) short(v float64) string {
	scaled, prefix := s.reduce(v, 3)
	return strconv.FormatFloat(rounded(scaled, 3), 'f', -1, 64) + prefix
}

// reduce gives v in its prefix's unit.
func (s scale) reduce(v float64, digits int) (scaled float64, prefix string) {
	if v != 0 && len(s.small) > 0 && math.Abs(rounded(v, digits)) < 1 {
		n := 0
		for n < len(s.small) && math.Abs(rounded(v, digits)) < 1 {
			v *= s.base
			n++
		}
		return v, s.small[n-1]
	}
	n := 0
	for n+1 < len(s.prefixes) && math.Max(math.Abs(v), math.Abs(rounded(v, digits))) >= s.base {
		v /= s.base
		n++
	}
	return v, s.prefixes[n]
}

// rounded is v with that many significant digits.
func rounded(v float64, digits int) float64 {
	r, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'e', digits-1, 64), 64) // parses what Format wrote
	return r
}

// significant prints v without an exponent; digits before the point are never
// dropped.
func significant(v float64, digits int) string {
	e := strconv.FormatFloat(math.Abs(v), 'e', digits-1, 64)
	exp, _ := strconv.Atoi(e[strings.IndexByte(e, 'e')+1:])
	return strconv.FormatFloat(v, 'f', max(0, digits-1-exp), 64)
}
