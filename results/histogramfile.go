package results

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A run's histograms are one log a measurement in HdrHistogram's format, version
// 1.3 with V2 histograms, as its own tools read it. A line's tag is a result's (see
// tagsOf). What the format
// has no place for is a comment above the line.
const (
	histogramsDir = "histograms"
	histogramExt  = ".hlog"
	histogramHead = "#[svcmark: "
)

// writeHistograms writes the results' histograms into a run directory.
func writeHistograms(dir string, results []Result) error {
	logs := map[string]*bytes.Buffer{}
	for i, tag := range tagsOf(results) {
		r := &results[i]
		if r.Histogram == nil {
			continue
		}
		b := logs[r.Measurement]
		if b == nil {
			b = bytes.NewBufferString("#[Histogram log format version 1.3]\n\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n")
			logs[r.Measurement] = b
		}
		h := r.Histogram
		v2, err := h.hdr.EncodeV2()
		if err != nil {
			return err
		}
		fmt.Fprintf(b, histogramHead+"unit %s, timeout %d, lost %d]\n", h.Unit, h.Timeout, h.Lost)
		fmt.Fprintf(b, "Tag=%s,0.000,0.000,%d,%s\n", strings.ReplaceAll(tag, ",", "%2C"), h.hdr.Max(), v2)
	}
	return writeFolder(dir, histogramsDir, histogramExt, logs)
}

// readHistograms attaches a run's histograms to its results.
func readHistograms(dir string, results []Result) error {
	at := byTag(results)
	return readFolder(dir, histogramsDir, histogramExt, func(data []byte, path string) error {
		return decodeHistograms(bytes.NewReader(data), path, at)
	})
}

// decodeHistograms reads one log.
func decodeHistograms(r io.Reader, file string, at map[string]*Result) error {
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, maxLine)
	var next histogramJSON
	line := 0
	fail := func(err error) error { return &SyntaxError{file, line, err.Error()} }
	for scan.Scan() {
		line++
		text := scan.Text()
		switch {
		case strings.HasPrefix(text, histogramHead):
			if n, err := fmt.Sscanf(text, histogramHead+"unit %s timeout %d, lost %d]", &next.Unit, &next.Timeout, &next.Lost); err != nil || n != 3 {
				return fail(errors.New("not the unit, the timeout and the losses of a histogram"))
			}
			next.Unit = strings.TrimSuffix(next.Unit, ",")
		case strings.HasPrefix(text, "Tag="):
			fields := strings.Split(text, ",")
			if len(fields) != 5 {
				return fail(fmt.Errorf("%d fields where a histogram with a tag has 5", len(fields)))
			}
			tag := strings.ReplaceAll(strings.TrimPrefix(fields[0], "Tag="), "%2C", ",")
			r := at[tag]
			if r == nil || r.Histogram != nil {
				return fail(fmt.Errorf("%s is not a result of samples.txt, or stands here twice", tag))
			}
			next.V2 = fields[4]
			h := &Histogram{}
			if err := h.decode(next); err != nil {
				return fail(err)
			}
			r.Histogram, next = h, histogramJSON{}
		case text == "" || slices.Contains([]byte{'#', '"'}, text[0]):
		default:
			return fail(errors.New("neither a comment nor a histogram with a tag"))
		}
	}
	return scan.Err()
}
