package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/svcmark/svcmark/report/compare"
	"github.com/svcmark/svcmark/results"
)

// comparing are the flags of the verbs that compare.
type comparing struct {
	builds string
	policy string
	format string
	all    bool
	junit  string
	notes  bool
}

func (f *comparing) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.builds, "builds", "", "compare the programs with these two `labels` within one run: old,new")
	flags.StringVar(&f.policy, "policy", "", "judge by the limits of this `file`, beside those by default")
	flags.StringVarP(&f.format, "output", "o", "table", "output `format`: table, md, json")
	flags.BoolVar(&f.all, "all", false, "print every figure, also those that are the same and those that are not judged")
}

// compare reads and compares what the arguments name.
func (f *comparing) compare(args []string) (*compare.Comparison, error) {
	if !slices.Contains([]string{"table", "md", "json"}, f.format) {
		return nil, usagef("-o %q: want table, md or json", f.format)
	}
	old, now, err := f.sides(args)
	if err != nil {
		return nil, err
	}
	policy := compare.DefaultPolicy(old.Virtual())
	if f.policy != "" {
		data, err := os.ReadFile(f.policy)
		if err != nil {
			return nil, usagef("--policy: %w", err)
		}
		if policy, err = compare.ParsePolicy(f.policy, data, old.Virtual()); err != nil {
			return nil, usageError{err}
		}
	}
	c, err := compare.Of(old, now, policy)
	if err != nil {
		return nil, usageError{err}
	}
	return c, nil
}

func (f *comparing) sides(args []string) (old, now compare.Side, err error) {
	if f.builds == "" {
		if len(args) != 2 {
			return old, now, usagef("want two runs, OLD and NEW, or one and --builds")
		}
		a, err := results.Read(args[0])
		if err != nil {
			return old, now, usageError{err}
		}
		b, err := results.Read(args[1])
		if err != nil {
			return old, now, usageError{err}
		}
		return compare.NewSide(args[0], a, ""), compare.NewSide(args[1], b, ""), nil
	}
	labels := strings.Split(f.builds, ",")
	if len(labels) != 2 || labels[0] == labels[1] || labels[0] == "" || labels[1] == "" {
		return old, now, usagef("--builds %q: want two labels with a comma between, as in --kube-proxy LABEL=PATH", f.builds)
	}
	if len(args) != 1 {
		return old, now, usagef("--builds compares within one run, and %d are named", len(args))
	}
	run, err := results.Read(args[0])
	if err != nil {
		return old, now, usageError{err}
	}
	side := func(label string) compare.Side { return compare.NewSide(label+" in "+args[0], run, label) }
	return side(labels[0]), side(labels[1]), nil
}

func (f *comparing) print(out io.Writer, c *compare.Comparison) error {
	switch f.format {
	case "md":
		return c.Markdown(out, f.all)
	case "json":
		return c.JSON(out)
	}
	return c.Text(out, f.all)
}

func newCompare(s *streams) *cobra.Command {
	var f comparing
	cmd := &cobra.Command{
		Use:   "compare OLD NEW",
		Short: "Say how the figures of two runs, or of two builds in one run, differ",
		Long: "Compare two runs figure by figure, or two builds that stand side by side in one.\n" +
			"Figures of the virtual clock are exact, and differences of them are, too. Those of\n" +
			"the wall clock are compared by a rank test, corrected for the number of figures.\n" +
			"Runs of unlike fingerprints are compared with a loud note, unlike clocks never.",
		Example: `  svcmark compare results/before results/after
  svcmark compare results/before results/after --all -o md
  svcmark compare results/kube-proxy --builds old,new`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := f.compare(args)
			if err != nil {
				return err
			}
			return f.print(s.out, c)
		},
	}
	f.register(cmd)
	return cmd
}

func newGate(s *streams) *cobra.Command {
	var f comparing
	cmd := &cobra.Command{
		Use:   "gate OLD NEW",
		Short: "Judge a new run, or a new build in one run, against an old one",
		Long: "Compare as svcmark compare does, and end with the verdict as exit code: 0 pass,\n" +
			"1 regression, 4 inconclusive. A figure that is worse than its limit lets it be is a\n" +
			"regression, and so is a cell that fails now, or a figure that is missing. In the\n" +
			"virtual clock two more things are judged: how a figure grows with the Services, and\n" +
			"by how many instructions a backend's packets have become dearer over all points.",
		Example: `  svcmark gate results/main results/change
  svcmark gate results/kube-proxy --builds old,new --junit gate.xml
  svcmark gate results/main results/change --annotate -o md >> "$GITHUB_STEP_SUMMARY"`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := f.compare(args)
			if err != nil {
				return err
			}
			if f.junit != "" {
				if err := writeTo(f.junit, c.JUnit); err != nil {
					return err
				}
			}
			if err := f.print(s.out, c); err != nil {
				return err
			}
			if f.notes {
				if err := c.Annotate(s.err); err != nil {
					return err
				}
			}
			if o := c.Outcome(); o != compare.Pass {
				return verdictError{o, c.Summary()}
			}
			return nil
		},
	}
	f.register(cmd)
	cmd.Flags().StringVar(&f.junit, "junit", "", "write a JUnit report into this `file`")
	cmd.Flags().BoolVar(&f.notes, "annotate", false, "print GitHub's annotations on standard error, one for a measurement of a backend")
	return cmd
}

// verdictError is a gate that has not passed.
type verdictError struct {
	outcome compare.Outcome
	summary string
}

func (e verdictError) Error() string { return e.summary }

// writeTo writes a file by a function.
func writeTo(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return usageError{err}
	}
	if err := write(f); err != nil {
		return fmt.Errorf("%s: %w", path, errors.Join(err, f.Close()))
	}
	return f.Close()
}
