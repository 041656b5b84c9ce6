package userspace

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/svcmark/svcmark/backends"
)

// found is what the kernel holds of ours in one table.
type found struct {
	table  string
	chains map[string]int // rules, by our chain
	leads  []string       // rules of other chains that lead to ours, as iptables-save prints them
}

// read looks at the tables that are ours. Those that do not exist are not made by
// looking, where the kernel says which do.
func (t *tool) read(ctx context.Context) ([]found, error) {
	file := "/proc/thread-self/net/ip_tables_names" // /proc/net is that of the process's first thread
	if t.family == backends.IPv6 {
		file = "/proc/thread-self/net/ip6_tables_names"
	}
	exist, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // the kernel has no such tables, or not yet
	}
	var all []found
	for _, table := range []string{nat, filter} {
		// Who is not the real root may not be let read the file.
		if err == nil && !slices.Contains(strings.Fields(string(exist)), table) {
			continue
		}
		out, err := exec.CommandContext(ctx, t.save, "-t", table).Output()
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			return nil, fmt.Errorf("%s -t %s: %w", t.save, table, err)
		}
		all = append(all, parseSave(table, out))
	}
	return all, nil
}

// parseSave reads the output of iptables-save.
func parseSave(table string, out []byte) found {
	ours := map[string]bool{}
	for _, j := range jumps() {
		if j.table == table {
			ours[j.chain] = true
		}
	}
	f := found{table: table, chains: map[string]int{}}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		line := lines.Text()
		switch words := strings.Fields(line); {
		case strings.HasPrefix(line, ":"):
			if name := words[0][1:]; ours[name] {
				f.chains[name] = 0
			}
		case len(words) > 1 && words[0] == "-A" && ours[words[1]]:
			f.chains[words[1]]++
		case len(words) > 2 && words[0] == "-A" && words[len(words)-2] == "-j" && ours[words[len(words)-1]]:
			f.leads = append(f.leads, strings.TrimPrefix(line, "-A "))
		}
	}
	return f
}

// removal is the input of iptables-restore that removes it, "" for nothing.
func (f *found) removal() string {
	if len(f.chains)+len(f.leads) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "*%s\n", f.table)
	for _, lead := range f.leads {
		fmt.Fprintf(&b, "-D %s\n", lead)
	}
	for _, j := range jumps() {
		if _, there := f.chains[j.chain]; there {
			fmt.Fprintf(&b, "-F %s\n-X %s\n", j.chain, j.chain)
		}
	}
	b.WriteString("COMMIT\n")
	return b.String()
}

// look reads what the kernel holds of a family. Without its tools nothing was made in
// a family that nobody may have asked for.
func look(ctx context.Context, f backends.Family) (*tool, []found, error) {
	t, err := findTool(ctx, f)
	if f == backends.IPv6 && errors.Is(err, backends.ErrNotSupported) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	all, err := t.read(ctx)
	return t, all, err
}

// removeRules removes everything of a family.
func removeRules(ctx context.Context, f backends.Family) error {
	t, all, err := look(ctx, f)
	if err != nil {
		return err
	}
	for _, table := range all {
		input := table.removal()
		if input == "" {
			continue
		}
		cmd := exec.CommandContext(ctx, t.restore, "-w", "5", "--noflush")
		cmd.Stdin = strings.NewReader(input)
		if err := said(ctx, cmd); err != nil {
			return err
		}
	}
	return nil
}
