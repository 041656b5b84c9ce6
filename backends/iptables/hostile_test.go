package iptables

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// Whatever a name is, either it is refused, or the text has exactly the lines
// that any other name would have given and each has balanced quotes.
func TestHostileNamesChangeNoStructure(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const alphabet = "ab-09" + "AZ_." + " \t\n\r\x00\"'\\*:#;|&$`-!,é"
	word := func() string {
		b := make([]byte, random.IntN(5))
		for i := range b {
			// Mostly harmless characters, so that many words are accepted.
			n := len(alphabet)
			if random.IntN(4) > 0 {
				n = 5
			}
			b[i] = alphabet[random.IntN(n)]
		}
		return string(b)
	}
	want := strings.Count(render(t, small()), "\n")
	accepted := 0
	for range 20_000 {
		state := small()
		p := &state.Services[2]
		p.Namespace, p.Name, p.PortName = word(), word(), word()
		if state.Check() != nil {
			if _, err := New(Legacy).Render(state); err == nil {
				t.Fatalf("%q is rendered", p.String())
			}
			continue
		}
		accepted++
		text := render(t, state)
		if got := strings.Count(text, "\n"); got != want {
			t.Fatalf("%q: %d lines, want %d", p.String(), got, want)
		}
		for line := range strings.Lines(text) {
			if strings.Count(line, `"`)%2 != 0 || strings.ContainsAny(line, "'\\\r\x00") {
				t.Fatalf("%q: line %q", p.String(), line)
			}
		}
	}
	if accepted < 1000 {
		t.Fatalf("only %d words were accepted: the test shows nothing", accepted)
	}
}
