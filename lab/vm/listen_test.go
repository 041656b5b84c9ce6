package vm

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/lab/tail"
	"github.com/svcmark/svcmark/lab/vm/wire"
)

// stream makes what a guest sends of pairs of a kind and a payload.
func stream(records ...string) []byte {
	var b []byte
	for _, r := range records {
		h := wire.Header(wire.Kind(r[0]), len(r)-1)
		b = append(append(b, h[:]...), r[1:]...)
	}
	return b
}

func TestListen(t *testing.T) {
	var lines []string
	signs := 0
	l := listen(bytes.NewReader(stream("Eone\ntw", "Lwarn", "Eo\n\nthr", "Ling\nlast\n", "Eee", `D{"exit":4}`, "Eafter\n")),
		func(b []byte) { lines = append(lines, string(b)) }, func() { signs++ })
	if l.err != nil || l.end == nil || l.end.Exit != 4 {
		t.Errorf("error %v, end %+v", l.err, l.end)
	}
	if want := []string{"one", "two", "", "three"}; !slices.Equal(lines, want) {
		t.Errorf("lines %q, want %q", lines, want)
	}
	if want := []string{"warning", "last"}; !slices.Equal(l.tail.Lines(), want) {
		t.Errorf("tail %q, want %q", l.tail.Lines(), want)
	}
	if signs != 6 {
		t.Errorf("%d signs of life, want 6", signs)
	}
}

func TestListenEnds(t *testing.T) {
	for name, test := range map[string]struct {
		in   []byte
		want error
	}{
		"guest gone":     {stream("Eone\n"), io.EOF},
		"cut off":        {stream("Eone\n")[:7], io.ErrUnexpectedEOF},
		"endless a line": {bytes.Repeat(stream("E"+strings.Repeat("x", wire.MaxRecord-1)), maxLine/wire.MaxRecord+2), errLongLine},
	} {
		if l := listen(bytes.NewReader(test.in), nil, nil); l.end != nil || !errors.Is(l.err, test.want) {
			t.Errorf("%s: end %v, error %v, want %v", name, l.end, l.err, test.want)
		}
	}
	if l := listen(bytes.NewReader(stream("Dnonsense")), nil, nil); l.err == nil {
		t.Error("an end that is no JSON was taken")
	}
}

func TestPanicked(t *testing.T) {
	console := strings.Repeat("before\n", 30) + "[1.0] Kernel panic - not syncing: Attempted to kill init!\n" + strings.Repeat("register\n", 30)
	why, around := panicked(console)
	if why != "Attempted to kill init!" || len(around) != tail.MaxLines || !strings.Contains(strings.Join(around, "\n"), "not syncing") {
		t.Errorf("%q, %q", why, around)
	}
	if why, _ := panicked("all is well\n"); why != "" {
		t.Errorf("%q", why)
	}
}

func FuzzListen(f *testing.F) {
	f.Add(stream("Eone\ntw", "Lwarn", "Eo\n", `D{"exit":4}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		l := listen(bytes.NewReader(b), func(line []byte) {
			if bytes.ContainsRune(line, '\n') {
				t.Errorf("the line %q", line)
			}
		}, nil)
		if l.end == nil && l.err == nil {
			t.Error("neither an end nor a reason")
		}
	})
}
