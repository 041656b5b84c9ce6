package results

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A run's timelines are one file a measurement, of lines whose fields tabs separate. The
// first field says what a line is; those after a result's are its own. A result has
// the tag that it has in histograms/.
const (
	timelinesDir = "timelines"
	timelineExt  = ".tsv"
	timelineHead = "# svcmark timelines, version 1"
	timelineHelp = `
# result	NAME#WHICH	UNIT of all times	TOTAL operations, of which quick ones may be left out: none that was slow, lost or wrong
# sync	FROM	TO	NAME
# op	DUE	TOOK from when it was due	answered, stale, misdirected, refused or lost
`
)

// writeTimelines writes the results' timelines into a run directory.
func writeTimelines(dir string, results []Result) error {
	files := map[string]*bytes.Buffer{}
	for i, tag := range tagsOf(results) {
		r := &results[i]
		if r.Timeline == nil {
			continue
		}
		b := files[r.Measurement]
		if b == nil {
			b = bytes.NewBufferString(timelineHead + timelineHelp)
			files[r.Measurement] = b
		}
		r.Timeline.encode(b, tag)
	}
	return writeFolder(dir, timelinesDir, timelineExt, files)
}

func (t *Timeline) encode(b *bytes.Buffer, tag string) {
	fmt.Fprintf(b, "result\t%s\t%s\t%d\n", tag, t.Unit, t.Total)
	for _, s := range t.Syncs {
		fmt.Fprintf(b, "sync\t%d\t%d\t%s\n", s.From, s.To, s.Name)
	}
	for _, o := range t.Operations {
		fmt.Fprintf(b, "op\t%d\t%d\t%s\n", o.Due, o.Took, o.Outcome)
	}
}

// readTimelines attaches a run's timelines to its results.
func readTimelines(dir string, results []Result) error {
	at := byTag(results)
	return readFolder(dir, timelinesDir, timelineExt, func(data []byte, path string) error {
		return decodeTimelines(bytes.NewReader(data), path, at)
	})
}

// decodeTimelines reads one file.
func decodeTimelines(r io.Reader, file string, at map[string]*Result) error {
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, maxLine)
	var t *Timeline
	line, begun := 0, 0
	fail := func(line int, err error) error { return &SyntaxError{file, line, err.Error()} }
	whole := func() error {
		if t == nil {
			return nil
		}
		if err := t.check(); err != nil {
			return fail(begun, err)
		}
		return nil
	}
	for scan.Scan() {
		line++
		text := scan.Text()
		fields := strings.Split(text, "\t")
		switch {
		case line == 1 && text != timelineHead:
			return fail(line, fmt.Errorf("it does not begin with %q: this svcmark cannot read it", timelineHead))
		case strings.HasPrefix(text, "#"):
		case len(fields) != 4:
			return fail(line, fmt.Errorf("%d fields where a line has 4, with tabs between them", len(fields)))
		case fields[0] == "result":
			if err := whole(); err != nil {
				return err
			}
			res := at[fields[1]]
			if res == nil || res.Timeline != nil {
				return fail(line, fmt.Errorf("%s is not a result of samples.txt, or stands here twice", fields[1]))
			}
			total, err := strconv.Atoi(fields[3])
			if err != nil {
				return fail(line, err)
			}
			t, begun = &Timeline{Unit: fields[2], Total: total}, line
			res.Timeline = t
		case t == nil:
			return fail(line, errors.New("it stands before the first result"))
		default:
			if err := t.add(fields); err != nil {
				return fail(line, err)
			}
		}
	}
	if err := scan.Err(); err != nil {
		return fail(line+1, err)
	}
	if line == 0 {
		return fail(0, errors.New("it is empty"))
	}
	return whole()
}

// add adds what a line of four fields says.
func (t *Timeline) add(fields []string) error {
	a, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return err
	}
	b, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return err
	}
	switch fields[0] {
	case "sync":
		if b < a || fields[3] == "" {
			return errors.New("a sync that ends before it begins, or has no name")
		}
		t.Syncs = append(t.Syncs, SyncMark{fields[3], a, b})
	case "op":
		o := Operation{a, b, Outcome(fields[3])}
		if b < 0 || !o.Outcome.known() {
			return fmt.Errorf("an operation that took %d and was %q, which cannot be", b, o.Outcome)
		}
		if n := len(t.Operations); n > 0 && t.Operations[n-1].Due > a {
			return errors.New("an operation that was due before the one above it")
		}
		t.Operations = append(t.Operations, o)
	default:
		return fmt.Errorf("%q is none of result, sync and op", fields[0])
	}
	return nil
}
