package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/svcmark/svcmark/results"
)

// A scenario that fails takes no other's run with it; a mistake or an interruption,
// which would be that of the others, too, ends them all.
func TestOneScenarioFails(t *testing.T) {
	scenarios := []string{"a", "b", "c"}
	broken := errors.New("the disk is full")
	begun := func(fails error) (out string, begun, kept int, notRun, err error) {
		var b bytes.Buffer
		p := &claimsPlan{out: &b, names: scenarios, efforts: []time.Duration{4 * time.Minute, 4 * time.Minute, 2 * time.Minute}, cores: 2, left: 10 * time.Minute}
		runs, notRun, err := eachScenario(&b, scenarios, p, func(i int) (*results.Run, error) {
			begun++
			if scenarios[i] == "b" {
				return nil, fails
			}
			return &results.Run{}, nil
		})
		return b.String(), begun, len(runs), notRun, err
	}
	out, n, kept, notRun, err := begun(broken)
	if n != 3 || kept != 2 || !errors.Is(notRun, broken) || err != nil {
		t.Errorf("%d begun, %d kept, %v, %v", n, kept, notRun, err)
	}
	for _, want := range []string{"2 of 3: b\n", "b was not run, and the others go on: the disk is full\n", "a: 0s; about 3 min for what is left\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q:\n%s", want, out)
		}
	}
	for _, fails := range []error{usagef("no such thing"), context.Canceled} {
		if _, n, _, _, err := begun(fails); n != 2 || !errors.Is(err, fails) {
			t.Errorf("%v: %d begun, %v", fails, n, err)
		}
	}
}

// The examples of docs/claims.md print what it shows.
func TestClaimsExamples(t *testing.T) {
	bin, dir := buildBinary(t, "."), t.TempDir()
	const runs = "results/reference/claims-quick"
	if err := os.CopyFS(filepath.Join(dir, runs), os.DirFS(filepath.Join(root, runs))); err != nil {
		t.Fatal(err)
	}
	runExamples(t, bin, dir, "docs/claims.md", 1)
}
