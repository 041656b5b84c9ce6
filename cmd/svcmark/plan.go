package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/svcmark/svcmark/report/plan"
	"github.com/svcmark/svcmark/results"
)

func newPlan(s *streams) *cobra.Command {
	var limits, at []string
	var format string
	o := plan.Options{Control: "direct"}
	cmd := &cobra.Command{
		Use:   "plan RUN...",
		Short: "Say at how many Services each backend reaches a limit, and which one to leave before",
		Long: "Say at how many Services each backend of a run reaches a limit, with bounds, where\n" +
			"backends cross each other, and which of them to leave before. Several runs that differ\n" +
			"in their scenarios alone count as one.\n\n" +
			"A limit is MEASUREMENT[.ASPECT]=VALUE: sync=1s, firstPacket.p99=500us,\n" +
			"objects.rules=100k, memory=64MiB. A run of the virtual clock counts instructions and\n" +
			"wants numbers of them: sync=5G, firstPacket.p99=300k. By default sync may take a second\n" +
			"and a change 30 s until packets find it.\n\n" +
			"Answers reach to 4 times the largest size that was measured.",
		Example: `  svcmark plan results/mine
  svcmark plan results/mine --limit sync=1s --limit firstPacket.p99=500us
  svcmark plan results/reference/quick --limit sync=5G --limit firstPacket=300k
  svcmark plan results/mine --limit firstPacket=100us --at position=random,protocol=udp
  svcmark plan results/mine --limit sync=30s --extrapolate -o md`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, dirs []string) error {
			if !slices.Contains([]string{"table", "md", "json"}, format) {
				return usagef("-o %q: want table, md or json", format)
			}
			for _, text := range limits {
				l, err := plan.ParseLimit(text)
				if err != nil {
					return usageError{err}
				}
				o.Limits = append(o.Limits, l)
			}
			for _, text := range at {
				key, value, ok := strings.Cut(text, "=")
				if !ok || key == "" || value == "" {
					return usagef("--at %q: want LABEL=VALUE, such as position=random, or LABEL=all", text)
				}
				o.At = append(o.At, results.Label{Key: key, Value: value})
			}
			var runs []*results.Run
			for _, dir := range dirs {
				run, err := results.Read(dir)
				if err != nil {
					return usageError{err}
				}
				runs = append(runs, run)
			}
			p, err := plan.Of(o, runs...)
			if err != nil {
				return usageError{err}
			}
			switch format {
			case "md":
				return p.Markdown(s.out)
			case "json":
				return p.JSON(s.out)
			}
			return p.Text(s.out)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&limits, "limit", nil, "a `limit` that must not be reached, one a flag: MEASUREMENT[.ASPECT]=VALUE")
	flags.StringSliceVar(&at, "at", nil, "take the figures with these `labels`, such as position=random; LABEL=all takes each (default: TCP to the last Service)")
	flags.BoolVar(&o.Extrapolate, "extrapolate", false, "look further than 4 times the largest size that was measured, up to 100 times")
	flags.StringVarP(&format, "output", "o", "table", "output `format`: table, md, json")
	return cmd
}
