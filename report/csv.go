package report

import (
	"encoding/csv"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// printCSV prints one line for each value, or reason for none, in full
// precision and the unit's own scale; nothing is rounded. Every label is a
// column. An end of an interval that is not known is empty.
func (r *Report) printCSV(w io.Writer) error {
	var keys []string
	for _, t := range r.Tables {
		for _, l := range t.Common {
			if !slices.Contains(keys, l.Key) {
				keys = append(keys, l.Key)
			}
		}
		for _, k := range t.Keys {
			if !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	out := csv.NewWriter(w)
	head := append([]string{"measurement", "unit", Column}, keys...)
	if err := out.Write(append(head, "state", "center", "lo", "hi", "repetitions", "notes")); err != nil {
		return err
	}
	for i := range r.Tables {
		t := &r.Tables[i]
		for _, row := range t.Rows {
			for c, cell := range row.Cells {
				if cell.State == Absent {
					continue
				}
				rec := []string{t.Measurement, t.Unit.Name, t.Columns[c]}
				for _, k := range keys {
					rec = append(rec, t.labelValue(row, k))
				}
				rec = append(rec, string(cell.State))
				if s := cell.Summary; cell.State == Measured {
					rec = append(rec, full(s.Center), full(s.Lo), full(s.Hi), strconv.Itoa(s.N))
				} else {
					rec = append(rec, "", "", "", "0")
				}
				var notes []string
				for _, n := range cell.Notes {
					notes = append(notes, r.Notes[n])
				}
				if err := out.Write(append(rec, strings.Join(notes, "; "))); err != nil {
					return err
				}
			}
		}
	}
	out.Flush()
	return out.Error()
}

// labelValue is the row's value of a label, "" when it has none.
func (t *Table) labelValue(row Row, key string) string {
	if i := slices.Index(t.Keys, key); i >= 0 {
		return row.Values[i]
	}
	for _, l := range t.Common {
		if l.Key == key {
			return l.Value
		}
	}
	return ""
}

func full(v float64) string {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}
