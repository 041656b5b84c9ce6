package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/svcmark/svcmark/results"
)

// compareReference says how a run stands to a reference run. Under the virtual
// clock and with the same fingerprint their samples must be the same bytes:
// anything else is an error, for it breaks the clock's promise. With another
// kernel, QEMU or program, it names what differs and is content.
func compareReference(out io.Writer, run *results.Run, dir string) error {
	reference, err := results.Read(dir)
	if err != nil {
		return usageError{fmt.Errorf("--reference: %w", err)}
	}
	if differences := results.Diff(reference.Meta.Fingerprint, run.Meta.Fingerprint); len(differences) > 0 {
		fmt.Fprintf(out, "Figures may differ from those of %s, for this run differs in:\n", dir)
		for _, d := range differences {
			fmt.Fprintf(out, "  %s: %s there, %s here\n", d.Field, d.A, d.B)
		}
		return nil
	}
	a, err := os.ReadFile(filepath.Join(dir, samplesFile))
	if err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(run.Dir, samplesFile))
	if err != nil {
		return err
	}
	if bytes.Equal(a, b) {
		fmt.Fprintf(out, "The samples are byte-identical to those of %s.\n", dir)
		return nil
	}
	if run.Meta.Fingerprint.Clock != "virtual" {
		return nil
	}
	return fmt.Errorf("the samples differ from those of %s although the fingerprint is the same: under the virtual clock this is a defect, please report it with both directories", dir)
}

// samplesFile is the name of a run's samples in its directory.
const samplesFile = "samples.txt"
