package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/svcmark/svcmark/results"
)

// Formats are the formats that Table knows.
var Formats = []string{"table", "wide", "md", "csv", "json", "benchfmt"}

// Table prints the report in a format of Formats. Those for people end with
// the verdict.
func (r *Report) Table(w io.Writer, format string) error {
	verdict := block{lines: []string{r.Verdict()}}
	switch format {
	case "table", "wide":
		return printText(w, append(r.blocks(format == "wide"), verdict))
	case "md":
		return printMarkdown(w, append(r.blocks(false), verdict))
	case "csv":
		return r.printCSV(w)
	case "json":
		return r.printJSON(w)
	case "benchfmt":
		return results.Encode(w, r.units, r.results)
	}
	return fmt.Errorf("unknown format %q: it must be one of %s", format, strings.Join(Formats, ", "))
}

// Body prints the format "table" without the verdict, for who has more to say
// before it.
func (r *Report) Body(w io.Writer) error { return printText(w, r.blocks(false)) }

func printText(w io.Writer, blocks []block) error {
	for i, b := range blocks {
		if i > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
		if b.title != "" {
			if _, err := fmt.Fprintln(w, b.title); err != nil {
				return err
			}
		}
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		if len(b.header) > 0 {
			fmt.Fprintln(tw, strings.Join(b.header, "\t"))
		}
		for _, row := range b.rows {
			fmt.Fprintln(tw, strings.Join(row, "\t"))
		}
		if err := tw.Flush(); err != nil {
			return err
		}
		for _, l := range b.lines {
			if _, err := fmt.Fprintln(w, l); err != nil {
				return err
			}
		}
	}
	return nil
}

func printMarkdown(w io.Writer, blocks []block) error {
	var s strings.Builder
	escape := strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`)
	row := func(cells []string) {
		s.WriteString("|")
		for _, c := range cells {
			s.WriteString(" " + escape.Replace(c) + " |")
		}
		s.WriteString("\n")
	}
	for i, b := range blocks {
		if i > 0 {
			s.WriteString("\n")
		}
		if b.title != "" {
			s.WriteString("**" + escape.Replace(b.title) + "**\n\n")
		}
		if len(b.rows) > 0 {
			row(b.header)
			s.WriteString("|" + strings.Repeat(" --- |", len(b.header)) + "\n")
		}
		for _, r := range b.rows {
			row(r)
		}
		for _, l := range b.lines {
			// Two spaces at the end keep lines apart.
			s.WriteString(escape.Replace(l) + "  \n")
		}
	}
	_, err := io.WriteString(w, s.String())
	return err
}
