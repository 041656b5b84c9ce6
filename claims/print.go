package claims

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Schema is the version of JSON's output: it grows when a field changes its meaning or
// goes, and not when one comes.
const Schema = 1

// Text prints the findings for a terminal: a line for each verdict, and what it rests on.
func Text(out io.Writer, findings []Finding) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range findings {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.ID, f.Word, f.Says)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, f := range findings {
		fmt.Fprintf(out, "\n%s %s: %s\n", f.ID, f.Word, f.Reason)
		fmt.Fprintf(out, "  claim      %s (%s)\n", f.Says, f.Source)
		if f.Published != "" {
			fmt.Fprintf(out, "  published  %s\n", f.Published)
		}
		for _, m := range f.Measured {
			fmt.Fprintf(out, "  measured   %s\n", m)
		}
	}
	_, err := fmt.Fprintf(out, "\n%s\n", summary(findings))
	return err
}

// Markdown prints the same for a page.
func Markdown(out io.Writer, findings []Finding) error {
	var b strings.Builder
	escape := strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`).Replace
	fmt.Fprintf(&b, "%s\n\n| claim | says | source | verdict |\n| --- | --- | --- | --- |\n", summary(findings))
	for _, f := range findings {
		fmt.Fprintf(&b, "| %s | %s | %s | **%s** |\n", f.ID, escape(f.Says), escape(f.Source), f.Word)
	}
	for _, f := range findings {
		fmt.Fprintf(&b, "\n### %s: %s\n\n%s\n\n", f.ID, f.Word, escape(f.Reason))
		fmt.Fprintf(&b, "- Claim: %s\n", escape(f.Says))
		if f.Published != "" {
			fmt.Fprintf(&b, "- Published: %s\n", escape(f.Published))
		}
		for _, m := range f.Measured {
			fmt.Fprintf(&b, "- Measured: %s\n", escape(m))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// JSON writes the findings for programs.
func JSON(out io.Writer, findings []Finding) error {
	type finding struct {
		ID        string   `json:"id"`
		Source    string   `json:"source"`
		Says      string   `json:"says"`
		Published string   `json:"published,omitempty"`
		Verdict   Word     `json:"verdict"`
		Reason    string   `json:"reason"`
		Measured  []string `json:"measured"`
	}
	all := struct {
		Schema int       `json:"schema"`
		Claims []finding `json:"claims"`
	}{Schema, []finding{}}
	for _, f := range findings {
		all.Claims = append(all.Claims, finding{f.ID, f.Source, f.Says, f.Published, f.Word, f.Reason, append([]string{}, f.Measured...)})
	}
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(all)
}

// summary counts the verdicts.
func summary(findings []Finding) string {
	counts := map[Word]int{}
	for _, f := range findings {
		counts[f.Word]++
	}
	var told []string
	for _, w := range []Word{Holds, HoldsInPart, DoesNotHold, CannotJudge} {
		if counts[w] > 0 {
			told = append(told, fmt.Sprintf("%d %s", counts[w], plural(w, counts[w])))
		}
	}
	return fmt.Sprintf("Of %d claims %s.", len(findings), strings.Join(told, ", "))
}

// plural is a verdict of several claims.
func plural(w Word, n int) string {
	if n == 1 {
		return string(w)
	}
	switch w {
	case Holds:
		return "hold"
	case HoldsInPart:
		return "hold in part"
	case DoesNotHold:
		return "do not hold"
	}
	return string(w)
}
