package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/svcmark/svcmark/results"
	"github.com/svcmark/svcmark/runner"
)

// progress shows how far a run is: a bar on a terminal, a line a finished cell
// elsewhere. What failed is said either way, when it happens.
type progress struct {
	out   io.Writer
	begin time.Time

	bars *mpb.Progress // nil off a terminal
	bar  *mpb.Bar

	mu     sync.Mutex
	phases map[results.CellKey]string // of the cells that run now
	left   time.Duration
}

func newProgress(out io.Writer) *progress {
	p := &progress{out: out, begin: time.Now(), phases: map[results.CellKey]string{}}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bars = mpb.New(mpb.WithOutput(out), mpb.WithWidth(64))
	}
	return p
}

// step takes one step of the run.
func (p *progress) step(s runner.Step) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = s.Left
	if p.bars != nil && p.bar == nil {
		p.bar = p.bars.AddBar(int64(s.Total),
			mpb.PrependDecorators(decor.CountersNoUnit("%d/%d cells")),
			mpb.AppendDecorators(decor.Any(p.status)))
	}
	if s.End == nil {
		p.phases[s.Cell] = s.Phase
		return
	}
	delete(p.phases, s.Cell)
	if p.bar != nil {
		p.bar.SetCurrent(int64(s.Done))
		if s.End.Status == results.OK {
			return
		}
	}
	line := fmt.Sprintf("[%2d/%d] %s: %s in %.1fs", s.Done, s.Total, name(s.Cell), s.End.Status, s.End.Seconds)
	if s.Done < s.Total {
		line += fmt.Sprintf(", about %s left", s.Left)
	}
	if s.End.Reason != "" {
		line += "\n    " + strings.ReplaceAll(s.End.Reason, "\n", "\n    ")
	}
	if p.bars != nil {
		_, _ = p.bars.Write([]byte(line + "\n"))
		return
	}
	fmt.Fprintln(p.out, line)
}

// status is what stands beside the bar.
func (p *progress) status(decor.Statistics) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := make([]string, 0, len(p.phases))
	for cell, phase := range p.phases {
		now = append(now, name(cell)+": "+phase)
	}
	return fmt.Sprintf(" %s, about %s left; %s", time.Since(p.begin).Round(time.Second), p.left, strings.Join(now, "; "))
}

// stop takes the bar away.
func (p *progress) stop() {
	if p.bars == nil {
		return
	}
	if p.bar != nil {
		p.bar.Abort(true)
	}
	p.bars.Wait()
}

// name is a cell's key as people read it: "ipvs services=10 endpoints=3".
func name(key results.CellKey) string {
	s := strings.TrimPrefix(strings.ReplaceAll(string(key), "/", " "), "backend=")
	return strings.TrimSuffix(s, " repeat=0")
}
