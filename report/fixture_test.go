package report

import (
	"flag"
	"hash/fnv"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/svcmark/svcmark/results"
)

var update = flag.Bool("update", false, "write the golden files and the invented run anew")

// invented is the run in testdata/invented. Nobody measured it: its figures are
// formulas of about the right size, with a wobble of a few tenths of a per
// cent, so that fits and pictures have something to show.
func invented(t *testing.T) *results.Run {
	t.Helper()
	dir := filepath.Join("testdata", "invented")
	if *update {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		invent(t, dir)
	}
	run, err := results.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func invent(t *testing.T, dir string) {
	t.Helper()
	began := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	w, err := results.Create(dir, results.Meta{
		Started:  began,
		Scenario: "# invented for tests: no machine ever measured this run\n",
		Fingerprint: results.Fingerprint{
			Svcmark: "v0.0.0-invented", Lab: "vm", Clock: "virtual", Kernel: "6.1.0-invented", CPU: "none",
			QEMU: "7.2", Tools: map[string]string{"iptables": "1.8.9"}, Scenario: "invented", Seed: 1,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var order []results.CellKey
	for _, b := range inventedBackends {
		for _, n := range []int{10, 100, 1000, 5000} {
			c := inventedCell(b, n)
			if n > b.most {
				c.Results = nil
				c.Meta.Status, c.Meta.Reason = results.NotRun, "the scenario limits "+b.name+" to fewer Services"
			}
			order = append(order, c.Meta.Key())
			if err := w.Add(c); err != nil {
				t.Fatal(err)
			}
		}
	}
	exact := func(name string, better results.Better) results.Unit {
		return results.Unit{Name: name, Better: better, Exact: true}
	}
	units := []results.Unit{
		exact("insns/op", results.Lower), exact("wait-ns/op", results.Lower), exact("min-insns/op", results.Lower), exact("direct-insns/op", results.Lower), exact("lost/op", results.Lower),
		exact("user-insns/op", results.Lower), exact("system-insns/op", results.Lower), exact("softirq-insns/op", results.Lower),
		exact("kernel-B", results.Lower), exact("tools-peak-B", results.Lower),
		exact("rules", results.Neither), exact("chains", results.Neither), exact("virtual-servers", results.Neither), exact("set-entries", results.Neither),
	}
	if err := w.Finish(units, order, began.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
}

// inventedBackend is what one backend costs, as fixed + perService × n.
type inventedBackend struct {
	name          string
	most          int // Services
	first, rule   float64
	trip          float64
	sync, perSync float64
	mem, perMem   float64
	peak, perPeak float64
	objects       map[string][2]int
}

var inventedBackends = []inventedBackend{
	{name: "direct", most: 5000, first: 45000, trip: 9120, sync: 1200, mem: 0, peak: 0},
	{name: "iptables-legacy", most: 5000, first: 222500, rule: 26, trip: 11240, sync: 4.1e6, perSync: 78e3, mem: 60e3, perMem: 5200, peak: 7.5e6, perPeak: 3600,
		objects: map[string][2]int{"rules": {15, 11}, "chains": {8, 4}}},
	{name: "iptables-nft", most: 1000, first: 231000, rule: 58, trip: 12520, sync: 5.2e6, perSync: 190e3, mem: 90e3, perMem: 9100, peak: 9e6, perPeak: 9000,
		objects: map[string][2]int{"rules": {15, 11}, "chains": {8, 4}}},
	{name: "ipvs", most: 5000, first: 197000, rule: 0.04, trip: 11890, sync: 2.9e6, perSync: 155e3, mem: 30e3, perMem: 2900, peak: 6e6, perPeak: 900,
		objects: map[string][2]int{"virtual-servers": {0, 1}, "set-entries": {0, 4}}},
}

func inventedCell(b inventedBackend, n int) results.Cell {
	backend := results.Label{Key: "backend", Value: b.name}
	services := results.Label{Key: "services", Value: strconv.Itoa(n)}
	endpoints := results.Label{Key: "endpoints", Value: "3"}
	c := results.Cell{Meta: results.CellMeta{Labels: []results.Label{backend, services, endpoints}, Status: results.OK, Seconds: 1}}
	add := func(measurement string, ops int, labels []results.Label, samples ...results.Sample) {
		c.Results = append(c.Results, results.Result{
			Measurement: measurement, N: ops, Samples: samples,
			Labels: append([]results.Label{backend, services, endpoints}, labels...),
		})
	}
	at := func(v float64, unit, seed string) results.Sample {
		return results.Sample{Value: wobble(v, b.name+services.Value+unit+seed), Unit: unit}
	}
	size := float64(n)
	sync := b.sync + b.perSync*size
	if b.name == "iptables-nft" {
		sync += 95 * size * size // as if each rule looked at those before it
	}
	add("Sync", 1, nil, at(sync, "insns/op", ""), at(3e7, "wait-ns/op", ""))
	for _, protocol := range []string{"tcp", "udp"} {
		share := 1.0
		if protocol == "udp" {
			share = 0.6
		}
		for _, p := range []struct {
			position string
			rules    float64
		}{{"first", 1}, {"middle", size / 2}, {"last", size}, {"random", size * 0.47}} {
			v := b.first*share + b.rule*p.rules
			add("FirstPacket", 200, []results.Label{{Key: "protocol", Value: protocol}, {Key: "position", Value: p.position}},
				at(v, "insns/op", protocol+p.position), at(v*0.98, "min-insns/op", protocol+p.position),
				at(45000*share, "direct-insns/op", protocol), results.Sample{Value: 0, Unit: "lost/op"})
		}
		add("RoundTrip", 1000, []results.Label{{Key: "protocol", Value: protocol}}, at(b.trip*share, "insns/op", protocol))
	}
	user, softirq := 0.35, 0.02
	if b.name == "ipvs" {
		user = 0.2
	}
	u, s := at(sync*user, "user-insns/op", ""), at(sync*(1-user), "system-insns/op", "")
	add("CPU", 1, nil, results.Sample{Value: u.Value + s.Value, Unit: "insns/op"}, u, s, at(sync*softirq, "softirq-insns/op", ""))
	add("Memory", 1, nil, at(b.mem+b.perMem*size, "kernel-B", ""), at(b.peak+b.perPeak*size, "tools-peak-B", ""))
	var objects []results.Sample
	for _, unit := range []string{"rules", "chains", "virtual-servers", "set-entries"} {
		if o, ok := b.objects[unit]; ok {
			objects = append(objects, results.Sample{Value: float64(o[0] + o[1]*n), Unit: unit})
		}
	}
	if objects != nil {
		add("Objects", 1, nil, objects...)
	}
	return c
}

// wobble moves a value by up to 0.2 %, always the same way for the same seed.
func wobble(v float64, seed string) float64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(seed))
	return float64(int64(v * (1 + (float64(h.Sum32()%1000)/1000-0.5)*0.004)))
}
