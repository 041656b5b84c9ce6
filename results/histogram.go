package results

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Histograms keep three significant digits of a value, up to an hour in
// nanoseconds: what is larger counts as that.
const (
	histogramDigits = 3
	histogramMost   = int64(3600e9)
)

// Histogram is how often each value was measured by a result's operations. A
// lost operation is in it as the timeout, the least that it may have taken, and so
// is part of every percentile that it reaches; Lost says how many there are.
type Histogram struct {
	Unit    string // of the values: "ns" or "insns"
	Timeout int64  // what a lost operation counts as
	Lost    int64
	hdr     *hdrhistogram.Histogram
}

// NewHistogram makes a histogram of operations' costs and of those that were lost.
func NewHistogram(unit string, costs []int64, lost int, timeout int64) *Histogram {
	h := &Histogram{Unit: unit, Timeout: timeout, Lost: int64(lost), hdr: hdrhistogram.New(1, histogramMost, histogramDigits)}
	for _, c := range costs {
		h.record(c, 1)
	}
	h.record(timeout, int64(lost))
	return h
}

func (h *Histogram) record(v, n int64) {
	if n > 0 {
		// Fails for values that are out of the range alone, and this one is not.
		_ = h.hdr.RecordValues(min(max(v, 0), histogramMost), n)
	}
}

// Count is how many operations there were, lost ones included.
func (h *Histogram) Count() int64 { return h.hdr.TotalCount() }

// Quantile is the value that a share q of the operations did not exceed; where
// lost is true it is only known that it is not less.
func (h *Histogram) Quantile(q float64) (v int64, lost bool) {
	n := h.Count()
	rank := max(1, int64(math.Ceil(q*float64(n)))) // nearest rank
	if rank > n-h.Lost {
		return h.Timeout, true
	}
	return h.hdr.ValueAtPercentile(100 * q), false
}

// Bar is a value with how many operations had it.
type Bar struct{ Value, Count int64 }

// Bars are the values that occur, ascending; those of lost operations are the last
// ones' (see Lost).
func (h *Histogram) Bars() []Bar {
	var bars []Bar
	for _, b := range h.hdr.Distribution() {
		if b.Count > 0 {
			bars = append(bars, Bar{b.To, b.Count})
		}
	}
	return bars
}

// Merged is one histogram of several's operations, those of the first's unit.
func Merged(hs []*Histogram) *Histogram {
	if len(hs) == 0 {
		return nil
	}
	all := NewHistogram(hs[0].Unit, nil, 0, hs[0].Timeout)
	for _, h := range hs {
		if h.Unit == all.Unit {
			all.hdr.Merge(h.hdr)
			all.Lost += h.Lost
			all.Timeout = max(all.Timeout, h.Timeout)
		}
	}
	return all
}

// histogramJSON is a Histogram on its way from a worker and in cells/.
type histogramJSON struct {
	Unit    string `json:"unit"`
	Timeout int64  `json:"timeout"`
	Lost    int64  `json:"lost,omitempty"`
	V2      string `json:"v2"` // HdrHistogram's V2 encoding, compressed, in base64
}

// MarshalJSON implements json.Marshaler, compactly.
func (h *Histogram) MarshalJSON() ([]byte, error) {
	v2, err := h.hdr.EncodeV2()
	if err != nil {
		return nil, err
	}
	return json.Marshal(histogramJSON{h.Unit, h.Timeout, h.Lost, string(v2)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (h *Histogram) UnmarshalJSON(data []byte) error {
	var j histogramJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	return h.decode(j)
}

func (h *Histogram) decode(j histogramJSON) error {
	d, err := hdrhistogram.Decode([]byte(j.V2))
	if err != nil {
		return fmt.Errorf("a histogram that is none: %w", err)
	}
	if j.Unit == "" || j.Lost < 0 || j.Lost > d.TotalCount() || j.Timeout < 0 {
		return errors.New("a histogram whose unit or losses cannot be")
	}
	*h = Histogram{j.Unit, j.Timeout, j.Lost, d}
	return nil
}
