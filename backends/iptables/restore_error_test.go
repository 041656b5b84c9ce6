package iptables

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

func TestRestoreErrorShowsTheLine(t *testing.T) {
	const input = "*filter\n:A - [0:0]\nCOMMIT\n*nat\n-A A -j NOPE\nCOMMIT\n"
	// One byte at a time: the finder must not depend on how lines are cut.
	write := func(w io.Writer) error {
		for i := range len(input) {
			if _, err := io.WriteString(w, input[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	}
	for said, want := range map[string]string{
		"iptables-legacy-restore: line 5 failed\n": "(line 5, table nat: -A A -j NOPE)",
		"iptables-restore v1.8.9 (nf_tables): \nline 5: RULE_APPEND failed (No such file or directory): rule in chain A":    "(line 5, table nat: -A A -j NOPE)",
		"iptables-restore v1.8.9 (legacy): Couldn't load target `NOPE'\n\nError occurred at line: 2\nTry `... -h' for more": "(line 2, table filter: :A - [0:0])",
	} {
		err := newRestoreError("tool", said, errors.New("exit status 2"), write)
		if !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%q: %q, want the end %q", said, err, want)
		}
	}
	err := newRestoreError("tool", "Another app is currently holding the xtables lock", errors.New("exit status 4"), write)
	if want := "tool: exit status 4: Another app is currently holding the xtables lock"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

func TestBatchTooLongIsNotSupported(t *testing.T) {
	none := func(io.Writer) error { return nil }
	tooLong := newRestoreError("tool", "sendmsg() failed: Message too long\n", errors.New("exit status 1"), none)
	if err := batchTooLong(tooLong); !errors.Is(err, backends.ErrNotSupported) || !errors.Is(err, error(tooLong)) {
		t.Errorf("%v is not ErrNotSupported because of the tool's error", err)
	}
	other := newRestoreError("tool", "line 5 failed\n", errors.New("exit status 1"), none)
	if err := batchTooLong(other); err != error(other) {
		t.Errorf("%v, want the error itself", err)
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add("line 5 failed", 5)
	f.Add("", 1)
	f.Add("line: line", 70000)
	f.Fuzz(func(t *testing.T, said string, n int) {
		if got := parseLine(said); got < 0 {
			t.Errorf("line %d", got)
		}
		if n > 0 && !strings.Contains(said, "line") {
			if got := parseLine(fmt.Sprintf("%s\nline %d failed", said, n)); got != n {
				t.Errorf("line %d, want %d", got, n)
			}
		}
	})
}
