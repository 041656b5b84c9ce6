package apiclient

import (
	"fmt"
	"slices"
	"testing"
)

// What a program writes in pieces is told line by line, before anyone who waits is
// woken.
func TestLogTellsWholeLines(t *testing.T) {
	var told []string
	var l *Log
	l = NewLog(func(lines [][]byte) {
		for _, line := range lines {
			told = append(told, string(line))
		}
		select {
		case <-l.Next():
			t.Error("woken before the lines were told")
		default:
		}
	})
	more := l.Next()
	for _, p := range []string{"one tw", "o", "\nthree\nfo", "ur"} {
		if n, err := l.Write([]byte(p)); n != len(p) || err != nil {
			t.Fatal(n, err)
		}
	}
	select {
	case <-more:
	default:
		t.Error("nobody was told of the lines")
	}
	select {
	case <-l.Next():
		t.Error("half a line woke somebody")
	default:
	}
	if want := []string{"one two", "three"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

func TestLogKeepsItsEnd(t *testing.T) {
	l := NewLog(nil)
	for i := range 3 * lastLines {
		fmt.Fprintf(l, "line %d\n", i)
	}
	fmt.Fprint(l, "panic: ")
	want := []string{}
	for i := 2 * lastLines; i < 3*lastLines; i++ {
		want = append(want, fmt.Sprintf("line %d", i))
	}
	if got := l.End(); !slices.Equal(got, append(want, "panic: ")) {
		t.Errorf("its end is %q", got)
	}
}
