package compare

import (
	"strings"
	"testing"

	"github.com/svcmark/svcmark/results"
)

const goodPolicy = `apiVersion: svcmark/v1
kind: Policy
shift: 40
limits:
- {measurement: Sync, limit: 3%}
- {measurement: Sync, labels: {backend: steep, services: "10"}, limit: ignore}
- {measurement: Objects, unit: rules, limit: 0%}
- {measurement: FirstPacket, unit: direct-insns/op, limit: 0.5%, least: 100}
- {measurement: Nowhere, limit: 1%}
`

func TestPolicy(t *testing.T) {
	p, err := ParsePolicy("p.yaml", []byte(goodPolicy), true)
	if err != nil {
		t.Fatal(err)
	}
	run := made("virtual", 1, same)
	c, err := Of(NewSide("a", run, ""), NewSide("b", made("virtual", 1, func(r *results.Result, unit string, v float64) float64 {
		switch {
		case r.Measurement == "Sync" && (r.Label("backend") == "flat" || r.Label("services") == "10"):
			return v * 1.5
		case unit == "direct-insns/op":
			return v + 99
		}
		return v
	}), ""), p)
	if err != nil {
		t.Fatal(err)
	}
	worse := map[string]int{}
	for _, r := range c.Rows {
		if r.Judged && r.Verdict == Worse {
			worse[valueOf(r.Labels, "backend")]++
		}
	}
	if worse["flat"] != 4 || worse["steep"] != 0 || p.Shift != 40 {
		t.Errorf("worse: %v", worse)
	}
	if len(c.Notes) != 1 || !strings.Contains(c.Notes[0], "limits[4] of the policy fits no figure") {
		t.Errorf("notes %q", c.Notes)
	}
}

func TestPolicyMistakes(t *testing.T) {
	head := "apiVersion: svcmark/v1\nkind: Policy\n"
	for data, want := range map[string]string{
		"":                                        "is empty",
		"kind: Policy":                            "want svcmark/v1 and Policy",
		head + "limit: 5%":                        "limit",
		head + "limits: [{limit: 5}]":             "want a share such as 2.5%",
		head + "limits: [{limit: -1%}]":           "want a share such as 2.5%",
		head + "limits: [{limit: NaN%}]":          "want a share such as 2.5%",
		head + "limits: [{least: 5}]":             "want a share such as 2.5%",
		head + "limits: [{limit: 1%, least: -1}]": "least is -1",
		head + "shift: -1":                        "shift is -1",
		head + "shift: .nan":                      "shift is NaN",
		head + "---\na: 1":                        "a second document",
		head + "limits: &a [*a]":                  "no anchors",
		head + "limits: [{metric: Sync}]":         "metric",
	} {
		if _, err := ParsePolicy("p.yaml", []byte(data), true); err == nil || !strings.HasPrefix(err.Error(), "p.yaml: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", data, err, want)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(goodPolicy))
	f.Add([]byte("a: ["))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParsePolicy("p.yaml", data, false)
		if err != nil {
			return
		}
		for _, r := range p.Rules {
			if !(r.Limit >= 0) || !(r.Least >= 0) {
				t.Errorf("a rule %+v of %q", r, data)
			}
		}
	})
}
