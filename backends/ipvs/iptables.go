package ipvs

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// iptables runs one variant's programs of one family: NAME, NAME-save and
// NAME-restore.
type iptables struct {
	name string
	run  runner
}

// wait is how long kube-proxy waits for the xtables lock.
var wait = []string{"-w", "5"}

// saved is what the variant's tables hold of ours.
type saved struct {
	jumps  map[jump]bool
	chains map[chain]bool
	rules  int // in our chains, and jumps to them
}

// read asks iptables-save. It prints the tables that exist and creates none.
func (t iptables) read(ctx context.Context) (saved, error) {
	out, err := t.run(ctx, nil, t.name+"-save")
	if err != nil {
		return saved{}, err
	}
	return parseSave(string(out)), nil
}

// parseSave reads iptables-save's text.
func parseSave(text string) saved {
	s := saved{jumps: make(map[jump]bool), chains: make(map[chain]bool)}
	table := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "*"):
			table = line[1:]
		case strings.HasPrefix(line, ":"):
			name, _, _ := strings.Cut(line[1:], " ")
			for _, c := range chains {
				if c == (chain{table, name}) {
					s.chains[c] = true
				}
			}
		case strings.HasPrefix(line, "-A "):
			rule := line[len("-A "):]
			name, _, _ := strings.Cut(rule, " ")
			if s.chains[chain{table, name}] {
				s.rules++
			}
			for _, j := range jumps {
				if j.table == table && j.rule() == rule {
					s.rules++
					s.jumps[j] = true
				}
			}
		}
	}
	return s
}

// restoreArgs make iptables-restore leave alone what its input does not name.
var restoreArgs = []string{"--noflush", "--counters"}

// restore applies text without touching what it does not name.
func (t iptables) restore(ctx context.Context, text string) error {
	_, err := t.run(ctx, []byte(text), t.name+"-restore", slices.Concat(wait, restoreArgs)...)
	if err != nil {
		return fmt.Errorf("%w, of this input:\n%s", err, text)
	}
	return nil
}

// sync brings the chains and rules in.
func (t iptables) sync(ctx context.Context, r *ruleset) error {
	have, err := t.read(ctx)
	if err != nil {
		return err
	}
	var missing []jump
	for _, j := range jumps {
		if !have.jumps[j] {
			missing = append(missing, j)
		}
	}
	return t.restore(ctx, r.restore(missing))
}

// cleanup takes them out.
func (t iptables) cleanup(ctx context.Context) error {
	have, err := t.read(ctx)
	if err != nil {
		return err
	}
	if text := have.removal(); text != "" {
		return t.restore(ctx, text)
	}
	return nil
}

// removal is the input of iptables-restore --noflush that removes what s
// holds, "" for nothing.
func (s saved) removal() string {
	var b strings.Builder
	for _, table := range tables {
		var lines strings.Builder
		for _, j := range jumps {
			if j.table == table && s.jumps[j] {
				lines.WriteString("-D " + j.rule() + "\n")
			}
		}
		for _, verb := range []string{"-F ", "-X "} {
			for _, c := range chains {
				if c.table == table && s.chains[c] {
					lines.WriteString(verb + c.name + "\n")
				}
			}
		}
		if lines.Len() > 0 {
			b.WriteString("*" + table + "\n" + lines.String() + "COMMIT\n")
		}
	}
	return b.String()
}
