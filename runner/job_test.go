package runner

import (
	"bytes"
	"strings"
	"testing"
)

// A scenario arrives as it left, and a large one travels small.
func TestCellJobScenario(t *testing.T) {
	for _, text := range []string{"", "kind: Scenario\n", strings.Repeat("  - {namespace: a, name: b}\n", 100_000)} {
		var j cellJob
		if err := j.setScenario([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if large := len(text) >= packFrom; large != (j.Packed != nil) || large && len(j.Packed) > len(text)/8 {
			t.Errorf("%d bytes travel as %d and %d packed", len(text), len(j.Scenario), len(j.Packed))
		}
		got, err := j.scenario()
		if err != nil || !bytes.Equal(got, []byte(text)) {
			t.Errorf("%d bytes arrive as %d: %v", len(text), len(got), err)
		}
	}
	if _, err := (&cellJob{Packed: []byte("no gzip")}).scenario(); err == nil {
		t.Error("what is no gzip is unpacked")
	}
}
