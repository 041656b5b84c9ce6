package results

import (
	"fmt"
	"strings"
	"unicode"
)

// MarshalText gives "services=1000", so that labels are short in JSON too.
func (l Label) MarshalText() ([]byte, error) { return []byte(l.Key + "=" + l.Value), nil }

// UnmarshalText is the inverse of MarshalText.
func (l *Label) UnmarshalText(text []byte) error {
	key, value, ok := strings.Cut(string(text), "=")
	if !ok {
		return fmt.Errorf("label %q has no =", text)
	}
	l.Key, l.Value = key, value
	return l.check()
}

// check says whether the label survives the Go benchmark format.
func (l Label) check() error {
	if l.Key == "" || l.Key[0] < 'a' || l.Key[0] > 'z' || strings.ContainsFunc(l.Key, notNameRune) {
		return fmt.Errorf("label key %q must be a lower-case letter and then letters and digits", l.Key)
	}
	if l.Value == "" {
		return fmt.Errorf("label %s has no value", l.Key)
	}
	for _, r := range l.Value {
		if r == '/' || r == unicode.ReplacementChar || unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return fmt.Errorf("label %s=%q may not hold %q: a benchmark's name cannot carry it", l.Key, l.Value, r)
		}
	}
	return nil
}

func notNameRune(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
}

// checkLabels says whether the labels together make a benchmark's name that
// reads back as the same labels.
func checkLabels(labels []Label) error {
	seen := map[string]bool{}
	for _, l := range labels {
		if err := l.check(); err != nil {
			return err
		}
		if seen[l.Key] {
			return fmt.Errorf("label %s is given twice", l.Key)
		}
		seen[l.Key] = true
	}
	if len(labels) == 0 {
		return nil
	}
	// The format takes "-8" at a name's end for GOMAXPROCS, wherever it is from.
	last := labels[len(labels)-1]
	head := strings.TrimRight(last.Value, "0123456789")
	if strings.HasSuffix(head, "-") && head != last.Value {
		return fmt.Errorf("label %s=%s may not stand last: the Go benchmark format takes its end, %q, for GOMAXPROCS",
			last.Key, last.Value, last.Value[len(head)-1:])
	}
	return nil
}

// parseName is the inverse of Result.Name.
func parseName(name string) (measurement string, labels []Label, err error) {
	name, ok := strings.CutPrefix(name, "Benchmark")
	if !ok {
		return "", nil, fmt.Errorf("%q does not begin with Benchmark", name)
	}
	measurement, rest, more := strings.Cut(name, "/")
	if err := checkMeasurement(measurement); err != nil {
		return "", nil, err
	}
	for more {
		var part string
		part, rest, more = strings.Cut(rest, "/")
		var l Label
		if err := l.UnmarshalText([]byte(part)); err != nil {
			return "", nil, err
		}
		labels = append(labels, l)
	}
	return measurement, labels, checkLabels(labels)
}

func checkMeasurement(name string) error {
	if name == "" || name[0] < 'A' || name[0] > 'Z' || strings.ContainsFunc(name, notNameRune) {
		return fmt.Errorf("measurement %q must be CamelCase letters and digits", name)
	}
	return nil
}
