package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/report/compare"
	"github.com/svcmark/svcmark/results"
	"github.com/svcmark/svcmark/scenarios"
)

// The exit codes, as every script may rely on them.
const (
	exitOK          = 0
	exitRegression  = 1   // a gate has found one
	exitUsage       = 2   // a usage, scenario or input error; nothing was started
	exitUnsupported = 3   // this machine cannot do it
	exitUndecided   = 4   // a gate could not tell
	exitFailed      = 5   // a run, or a cell of it, failed
	exitInterrupted = 130 // stopped by a signal
)

// usageError is a mistake of the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// failedCells says that a run is complete and that not all of it is well.
type failedCells struct{ failed, total int }

func (e failedCells) Error() string {
	return fmt.Sprintf("%d of %d cells failed; the reasons stand above and in run.json", e.failed, e.total)
}

// exitCode is the code that an error ends the program with.
func exitCode(err error) int {
	var (
		usage    usageError
		mistakes scenarios.Mistakes
		exists   *results.ExistsError
		mismatch *results.MismatchError
		syntax   *results.SyntaxError
		verdict  verdictError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &verdict):
		if verdict.outcome == compare.Undecided {
			return exitUndecided
		}
		return exitRegression
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, backends.ErrNotSupported):
		return exitUnsupported
	case errors.As(err, &usage), errors.As(err, &mistakes), errors.Is(err, results.ErrNoRun), errors.As(err, &exists), errors.As(err, &mismatch), errors.As(err, &syntax):
		return exitUsage
	}
	return exitFailed
}
