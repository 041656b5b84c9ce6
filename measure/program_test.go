package measure_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/direct"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/measure"
)

// beside is a Backend whose work another program does.
type beside struct {
	direct.Backend
	complete func()
	calls    []string
	done     int64 // when the program has said so
	pid      int
	alive    error
}

func (b *beside) OnComplete(fn func()) { b.complete = fn }
func (b *beside) Processes() []int     { return []int{b.pid} }
func (b *beside) Alive() error         { return b.alive }
func (b *beside) note(what string)     { b.calls = append(b.calls, what) }
func (b *beside) Sync(context.Context, *backends.State) error {
	b.note("sync")
	b.complete()
	b.done = lab.Now()
	time.Sleep(time.Second) // makes sure of it
	return nil
}

func (b *beside) Prepare(context.Context, *backends.State) error {
	b.note("prepare")
	return nil
}

// The figure ends when the program says that it is done, and not when the Backend has
// made sure of it; what comes before a sync is in no figure.
func TestProgramOfAnotherProgram(t *testing.T) {
	b := &beside{pid: os.Getpid()}
	cell := testCell(t, b)
	before := lab.Now()
	if err := cell.Program(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(b.calls, []string{"prepare", "sync"}) {
		t.Errorf("calls %q", b.calls)
	}
	if b.complete != nil {
		t.Error("the backend goes on telling after its sync")
	}
	results, err := taken(t, measure.Sync{}, cell)
	if err != nil {
		t.Fatal(err)
	}
	if got, all := int64(results[0].Samples[0].Value), b.done-before; got > all {
		t.Errorf("the sync took %d ns, and its program was done %d ns after all began", got, all)
	}
}

// A program that has ended is an error that says why, not one that it cannot be read.
func TestProgramThatHasEnded(t *testing.T) {
	b := &beside{pid: 1 << 30, alive: errors.New("it was killed")}
	err := testCell(t, b).Program(t.Context())
	if err == nil || !strings.Contains(err.Error(), "it was killed") {
		t.Errorf("Program: %v", err)
	}
}
