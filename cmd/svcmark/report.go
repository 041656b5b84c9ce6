package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/svcmark/svcmark/report"
	"github.com/svcmark/svcmark/report/page"
	"github.com/svcmark/svcmark/results"
)

// pageFormat is one HTML file that has everything.
const pageFormat = "html"

func newReport(s *streams) *cobra.Command {
	var format, plots, minus string
	formats := append(slices.Clone(report.Formats), pageFormat)
	cmd := &cobra.Command{
		Use:   "report RUN...",
		Short: "Print tables of runs and draw their plots",
		Example: `  svcmark report results/quick-20260102-150405
  svcmark report results/mine -o md > report.md
  svcmark report results/mine -o html > report.html
  svcmark report results/before results/after -o html > deltas.html    with what differs
  svcmark report results/mine --plots pictures/
  svcmark report results/dataplanes --minus direct    what the dataplanes add
  svcmark report results/mine -o benchfmt | benchstat -col /backend -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, dirs []string) error {
			if !slices.Contains(formats, format) {
				return usagef("-o %q: want one of %s", format, strings.Join(formats, ", "))
			}
			var runs []*results.Run
			for _, dir := range dirs {
				run, err := results.Read(dir)
				if err != nil {
					return usageError{err}
				}
				if minus != "" {
					if run, err = report.Minus(run, minus); err != nil {
						return usagef("--minus: %w", err)
					}
				}
				runs = append(runs, run)
			}
			r, err := report.Build(runs...)
			if err != nil {
				return usageError{err}
			}
			r.Control = minus
			write := func() error { return r.Table(s.out, format) }
			if format == pageFormat {
				write = func() error { return page.Write(s.out, r) }
			}
			if err := write(); err != nil {
				return err
			}
			if plots == "" {
				return nil
			}
			files, err := r.Plots(plots)
			if err != nil {
				return err
			}
			fmt.Fprintln(s.err, plotsText(plots, files))
			return nil
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "table", "output `format`: "+strings.Join(formats, ", "))
	cmd.Flags().StringVar(&minus, "minus", "", "take the figures of this `backend`, such as direct, off all others'")
	cmd.Flags().StringVar(&plots, "plots", "", "draw the plots as PNG and SVG into this `directory`")
	return cmd
}
