package results

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// maxLine bounds a line of samples.txt. Ours are a few hundred bytes.
const maxLine = 1 << 20

// Decode reads what Encode writes. It is strict where benchfmt skips: a line
// that it does not understand is a *SyntaxError with the file's name and line.
// Blank lines and "key: value" configuration lines are allowed and dropped.
// Units that no Unit line declares come last, with nothing known of them.
func Decode(r io.Reader, file string) ([]Unit, []Result, error) {
	var (
		units    []Unit
		results  []Result
		declared = map[string]bool{} // false: seen in a result only
		undecl   []string
	)
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, maxLine)
	line := 0
	for scan.Scan() {
		line++
		text := strings.TrimSpace(scan.Text())
		switch {
		case text == "" || isConfig(text):
		case strings.HasPrefix(text, "Unit "):
			u, err := parseUnit(text)
			if err == nil && declared[u.Name] {
				err = fmt.Errorf("unit %s is declared twice", u.Name)
			}
			if err != nil {
				return nil, nil, &SyntaxError{file, line, err.Error()}
			}
			declared[u.Name] = true
			units = append(units, u)
		case strings.HasPrefix(text, "Benchmark"):
			res, err := parseResult(text)
			if err != nil {
				return nil, nil, &SyntaxError{file, line, err.Error()}
			}
			for _, s := range res.Samples {
				if _, ok := declared[s.Unit]; !ok {
					declared[s.Unit] = false
					undecl = append(undecl, s.Unit)
				}
			}
			results = append(results, res)
		default:
			return nil, nil, &SyntaxError{file, line, fmt.Sprintf("%.40q is neither a result (Benchmark…) nor a Unit line", text)}
		}
	}
	if err := scan.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, nil, &SyntaxError{file, line + 1, fmt.Sprintf("the line is longer than %d bytes", maxLine)}
	} else if err != nil {
		return nil, nil, err
	}
	for _, name := range undecl {
		if !declared[name] {
			units = append(units, Unit{Name: name})
		}
	}
	return units, results, nil
}

// isConfig knows the format's configuration lines, such as "goos: linux".
func isConfig(line string) bool {
	key, value, ok := strings.Cut(line, ":")
	if !ok || key == "" || key[0] < 'a' || key[0] > 'z' || strings.ContainsAny(key, " \t") {
		return false
	}
	return value == "" || value[0] == ' ' || value[0] == '\t'
}

func parseUnit(line string) (Unit, error) {
	fields := strings.Fields(line)[1:]
	if len(fields) == 0 {
		return Unit{}, errors.New("a Unit line without a unit")
	}
	u := Unit{Name: fields[0]}
	seen := map[string]bool{}
	for _, f := range fields[1:] {
		key, value, ok := strings.Cut(f, "=")
		if !ok {
			return u, fmt.Errorf("unit %s: %q is not key=value", u.Name, f)
		}
		if seen[key] {
			return u, fmt.Errorf("unit %s: %s is given twice", u.Name, key)
		}
		seen[key] = true
		switch {
		case key == "better":
			u.Better = Better(value)
			if u.Better == Neither {
				return u, fmt.Errorf("unit %s: better has no value", u.Name)
			}
		case key == "assume" && (value == "exact" || value == "nothing"):
			u.Exact = value == "exact"
		case key == "assume":
			return u, fmt.Errorf("unit %s: assume=%s is neither exact nor nothing", u.Name, value)
		}
		// Other keys are a newer format's, and say nothing of the values.
	}
	return u, u.check()
}

func parseResult(line string) (Result, error) {
	fields := strings.Fields(line)
	measurement, labels, err := parseName(fields[0])
	if err != nil {
		return Result{}, err
	}
	r := Result{Measurement: measurement, Labels: labels}
	if len(fields) < 2 {
		return r, errors.New("the number of operations is missing")
	}
	if r.N, err = strconv.Atoi(fields[1]); err != nil || r.N < 1 {
		return r, fmt.Errorf("%q is not a number of operations", fields[1])
	}
	rest := fields[2:]
	if len(rest) == 0 {
		return r, errors.New("the result has no sample")
	}
	seen := map[string]bool{}
	for ; len(rest) > 0; rest = rest[2:] {
		v, err := strconv.ParseFloat(rest[0], 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return r, fmt.Errorf("%q is not a figure", rest[0])
		}
		if len(rest) == 1 {
			return r, fmt.Errorf("figure %s has no unit", rest[0])
		}
		if err := checkUnitName(rest[1]); err != nil {
			return r, err
		}
		if seen[rest[1]] {
			return r, fmt.Errorf("two samples of %s in one result", rest[1])
		}
		seen[rest[1]] = true
		r.Samples = append(r.Samples, Sample{Value: v + 0, Unit: rest[1]})
	}
	return r, nil
}
