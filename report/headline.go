package report

import (
	"slices"

	"github.com/svcmark/svcmark/results"
)

// headlines are the labels of which the short report shows one value, and the
// value it prefers: the last Service is where a walk through rules is longest.
// Without it the first value stands for all. Every other label, such as the
// number of endpoints, is an axis that somebody asked for and is never cut.
var headlines = []results.Label{{Key: protocolKey, Value: "tcp"}, {Key: "position", Value: "last"}}

const protocolKey = "protocol"

// headline is the values, of the given keys, that stand for the table's
// others; a key that has one value only needs none. Some row has them all.
func (t *Table) headline(keys ...string) []results.Label {
	var chosen []results.Label
	within := *t
	for _, h := range headlines {
		i := slices.Index(t.Keys, h.Key)
		if i < 0 || !slices.Contains(keys, h.Key) {
			continue
		}
		values := within.column(i)
		if !slices.Contains(values, h.Value) {
			h.Value = values[0]
		}
		chosen = append(chosen, h)
		within.Rows = slices.DeleteFunc(slices.Clone(within.Rows), func(r Row) bool { return r.Values[i] != h.Value })
	}
	return chosen
}

// headlineKeys are the keys of headlines.
func headlineKeys() []string {
	var keys []string
	for _, h := range headlines {
		keys = append(keys, h.Key)
	}
	return keys
}

// at is the part of the table that has the labels, without their columns.
func (t *Table) at(labels []results.Label) *Table {
	part := *t
	part.Keys, part.Rows, part.Fits = nil, nil, nil
	dropped := func(key string) bool {
		return slices.ContainsFunc(labels, func(l results.Label) bool { return l.Key == key })
	}
	for _, k := range t.Keys {
		if !dropped(k) {
			part.Keys = append(part.Keys, k)
		}
	}
	for _, row := range t.Rows {
		values := row.Values
		row.Values = nil
		has := true
		for i, k := range t.Keys {
			if !dropped(k) {
				row.Values = append(row.Values, values[i])
			} else if !slices.Contains(labels, results.Label{Key: k, Value: values[i]}) {
				has = false
			}
		}
		if has {
			part.Rows = append(part.Rows, row)
		}
	}
	for _, f := range t.Fits {
		if includes(f.Group, labels) {
			f.Group = slices.DeleteFunc(slices.Clone(f.Group), func(l results.Label) bool { return dropped(l.Key) })
			part.Fits = append(part.Fits, f)
		}
	}
	return &part
}

// measurements is the tables by measurement.
func (r *Report) measurements() [][]*Table {
	var ms [][]*Table
	for i := range r.Tables {
		t := &r.Tables[i]
		if last := len(ms) - 1; last >= 0 && ms[last][0].Measurement == t.Measurement {
			ms[last] = append(ms[last], t)
		} else {
			ms = append(ms, []*Table{t})
		}
	}
	return ms
}

// modes is the tables that split a processor's time by its mode. A measurement
// that has them says where the time of another one went, which is there too.
func modes(tables []*Table) []*Table {
	var ts []*Table
	for _, t := range tables {
		if q := quantityOf(t.Unit); q.mode() && (len(ts) == 0 || q.sameKind(quantityOf(ts[0].Unit))) {
			ts = append(ts, t)
		}
	}
	if len(ts) < 2 {
		return nil
	}
	return ts
}

// rates tells whether the measurement is what users wait for: a cost for each
// operation, or a rate. Sizes and counts, and where time went, stand back.
func rates(tables []*Table) bool {
	u := tables[0].Unit
	return u.Better != results.Neither && quantityOf(u).per != "" && modes(tables) == nil
}

// Headline is the labels that stand for the others where one figure of the table is asked
// for: the last Service over TCP.
func (t *Table) Headline() []results.Label { return t.headline(headlineKeys()...) }
