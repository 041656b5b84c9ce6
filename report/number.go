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
	decimal = scale{1000, []string{"", "k", "M", "G", "T", "P"}, nil}
	// Only time has small prefixes: "20m instructions" reads as 20 million.
	seconds = scale{1000, []string{""}, []string{"m", "µ", "n"}}
	binary  = scale{1024, []string{"", "Ki", "Mi", "Gi", "Ti", "Pi"}, nil}
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
	exp := 0
	factor := 1.0
	for exp+1 < len(s.prefixes) && roundsTo(v/factor, digits, s.base) {
		exp++
		factor *= s.base
	}
	for v != 0 && -exp < len(s.small) && exp <= 0 && !roundsTo(v/factor, digits, 1) {
		exp--
		factor /= s.base
	}
	prefix := ""
	if exp >= 0 {
		prefix = s.prefixes[exp]
	} else {
		prefix = s.small[-exp-1]
	}
	return significant(v/factor, digits) + prefix
}

// roundsTo tells whether |v|, printed with that many digits, is at least limit:
// 999.96 with 4 digits is 1000.
func roundsTo(v float64, digits int, limit float64) bool {
	r, _ := strconv.ParseFloat(strconv.FormatFloat(math.Abs(v), 'e', digits-1, 64), 64)
	return r >= limit
}

// significant prints v without an exponent; digits before the point are never
// dropped.
func significant(v float64, digits int) string {
	e := strconv.FormatFloat(math.Abs(v), 'e', digits-1, 64)
	exp, _ := strconv.Atoi(e[strings.IndexByte(e, 'e')+1:])
	return strconv.FormatFloat(v, 'f', max(0, digits-1-exp), 64)
}
