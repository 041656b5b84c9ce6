package scenarios

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse: whatever the file, Parse ends, and either explains itself with
// places in that file or gives a Scenario that survives its canonical form and
// whose smallest point can be generated.
func FuzzParse(f *testing.F) {
	for _, name := range presetNames() {
		data, err := presetFiles.ReadFile(name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(everything().YAML())
	for _, services := range []string{
		"{count: 30, endpoints: 2, mix: {NodePort: 40, LoadBalancer: 40, Headless: 20}, policies: {externalTrafficPolicyLocal: 50, severalPorts: 30}, weights: [1, 9]}",
		"\n  list:\n  - {namespace: a, name: b, type: LoadBalancer, clusterIPs: [10.96.0.1, 'fd00::1'], ports: [{name: x, protocol: UDP, port: 80, nodePort: 30000}], loadBalancer: [{ip: 1.2.3.4, ipMode: Proxy}], loadBalancerSourceRanges: [10.0.0.0/8], externalTrafficPolicy: Local, healthCheckNodePort: 30001, affinitySeconds: 5, endpoints: [{ports: [{name: x, port: 1}], addresses: [10.0.0.1 node=n forZone=z weight=7 notReady]}]}",
		"\n  times: [1, 3]\n  list:\n  - {namespace: a, name: b, type: NodePort, clusterIPs: [10.96.0.1], ports: [{port: 80, nodePort: 30000}], externalIPs: [1.2.3.4], endpoints: [{ports: [{port: 1}], addresses: [10.0.0.1, 10.0.0.2]}]}",
	} {
		f.Add([]byte(valid("services: " + services)))
	}
	for _, s := range []string{
		"", "a: [", "- &a [*a]", "\xef\xbb\xbfkind: Scenario", "%YAML 1.2\n---\n", "!!binary aGk=", "{? [a]: b}",
		valid("services: {count: [1, 1], endpoints: -3}"), valid("limits: {ipvs: {services: 5}, a.b: 1}"), valid("network: {clusterCIDR: 10.96.0.0/12}"),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse("fuzz.yaml", data, Known{})
		if err == nil {
			checkValid(t, s)
			return
		}
		var mistakes Mistakes
		if !errors.As(err, &mistakes) || len(mistakes) == 0 || s != nil {
			t.Fatalf("got %v and a %T: %v", s, err, err)
		}
		lines := 1 + strings.Count(strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(string(data)), "\n")
		last := Mistake{}
		for _, m := range mistakes {
			if m.File != "fuzz.yaml" || m.Message == "" || m.Flag != "" {
				t.Errorf("mistake %+v", m)
			}
			if len(data) <= maxSize && (m.Line < 1 || m.Line > lines+1 || m.Column < 1) {
				t.Errorf("no place in a file of %d lines: %s", lines, m)
			}
			if m.Line < last.Line || m.Line == last.Line && m.Column < last.Column {
				t.Errorf("%s comes after %s", m, last)
			}
			last = m
			// It goes to a terminal as it is.
			for _, r := range m.String() {
				if r < ' ' || r == 0x7f || r == utf8.RuneError {
					t.Errorf("the message holds %U: %q", r, m.String())
				}
			}
		}
	})
}

func checkValid(t *testing.T, s *Scenario) {
	t.Helper()
	again, err := Parse("canonical.yaml", s.YAML(), Known{})
	if err != nil {
		t.Fatalf("its canonical form is refused: %v\n%s", err, s.YAML())
	}
	if !reflect.DeepEqual(again, s) {
		t.Fatalf("its canonical form reads as another\n%+v\n%+v", again, s)
	}
	p := s.Points()[0]
	size := func(p Point) int { return p.Services * max(1, p.Endpoints) }
	for _, q := range s.Points() {
		if size(q) < size(p) {
			p = q
		}
	}
	if size(p) <= 10_000 {
		s.State(p.Services, p.Endpoints)
	}
}
