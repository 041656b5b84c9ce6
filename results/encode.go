package results

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// Encode writes units and then results, in the order given, in the Go benchmark
// format with Unit lines, as golang.org/x/perf/benchfmt reads it. The same
// input gives the same bytes. A result that the format cannot hold, or whose
// unit is not among units, is an error.
func Encode(w io.Writer, units []Unit, results []Result) error {
	b := bufio.NewWriter(w)
	declared := map[string]bool{}
	for _, u := range units {
		if err := u.check(); err != nil {
			return err
		}
		if declared[u.Name] {
			return fmt.Errorf("unit %s is declared twice", u.Name)
		}
		declared[u.Name] = true
		b.WriteString(u.line())
		b.WriteByte('\n')
	}
	if len(units) > 0 && len(results) > 0 {
		b.WriteByte('\n')
	}
	for i := range results {
		line, err := results[i].line()
		if err != nil {
			return err
		}
		for _, s := range results[i].Samples {
			if !declared[s.Unit] {
				return fmt.Errorf("%s: unit %s is not declared", results[i].Name(), s.Unit)
			}
		}
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return b.Flush()
}

func (u Unit) line() string {
	s := "Unit " + u.Name
	if u.Better != Neither {
		s += " better=" + string(u.Better)
	}
	if u.Exact {
		s += " assume=exact"
	}
	return s
}

func (u Unit) check() error {
	if u.Better != Lower && u.Better != Higher && u.Better != Neither {
		return fmt.Errorf("unit %s: better=%s is neither lower nor higher", u.Name, u.Better)
	}
	return checkUnitName(u.Name)
}

func checkUnitName(name string) error {
	bad := func(r rune) bool {
		return r == unicode.ReplacementChar || unicode.IsSpace(r) || !unicode.IsPrint(r)
	}
	if name == "" || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%q is no name for a unit", name)
	}
	return nil
}

// line is the result as a line of samples.txt, without the newline.
func (r *Result) line() (string, error) {
	if err := checkMeasurement(r.Measurement); err != nil {
		return "", err
	}
	if err := checkLabels(r.Labels); err != nil {
		return "", fmt.Errorf("%s: %w", r.Measurement, err)
	}
	switch {
	case r.N < 1:
		return "", fmt.Errorf("%s: N is %d: a result summarises at least one operation", r.Name(), r.N)
	case len(r.Samples) == 0:
		return "", fmt.Errorf("%s: the result has no sample", r.Name())
	}
	b := []byte(r.Name())
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(r.N), 10)
	seen := map[string]bool{}
	for _, s := range r.Samples {
		if err := checkUnitName(s.Unit); err != nil {
			return "", fmt.Errorf("%s: %w", r.Name(), err)
		}
		if seen[s.Unit] {
			return "", fmt.Errorf("%s: two samples of %s in one result", r.Name(), s.Unit)
		}
		seen[s.Unit] = true
		if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
			return "", fmt.Errorf("%s: %v %s is not a figure", r.Name(), s.Value, s.Unit)
		}
		b = append(b, ' ')
		// Plain digits, never an exponent: exact, the same everywhere, and
		// easy on awk. Adding 0 turns a negative zero into zero.
		b = strconv.AppendFloat(b, s.Value+0, 'f', -1, 64)
		b = append(b, ' ')
		b = append(b, s.Unit...)
	}
	return string(b), nil
}
