package iptables

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
)

// found is what the kernel holds of ours, by table.
type found map[Table]foundTable

type foundTable struct {
	chains []string       // ours, in iptables-save's order
	jumps  map[string]int // how often each of Table.jumps is there
	rules  int            // in our chains, and jumps
}

// parseSave reads the output of iptables-save. Tables, chains and rules that
// are not ours are passed over.
func parseSave(r io.Reader) (found, error) {
	f := found{}
	var table Table
	var cur foundTable
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), 1<<20)
	for lines.Scan() {
		line := lines.Bytes()
		switch {
		case len(line) == 0:
		case line[0] == '*':
			table, cur = Table(line[1:]), foundTable{jumps: map[string]int{}}
		case line[0] == ':':
			name, _, _ := bytes.Cut(line[1:], []byte(" "))
			if bytes.HasPrefix(name, []byte("KUBE-")) && table.owns(string(name)) {
				cur.chains = append(cur.chains, string(name))
			}
		case bytes.HasPrefix(line, []byte("-A KUBE-")):
			name, _, _ := bytes.Cut(line[len("-A "):], []byte(" "))
			if table.owns(string(name)) {
				cur.rules++
			}
		case bytes.HasPrefix(line, []byte("-A ")):
			rule := line[len("-A "):]
			for _, jump := range table.jumps() {
				if string(rule) == jump {
					cur.jumps[jump]++
					cur.rules++
				}
			}
		case string(line) == "COMMIT":
			f[table] = cur
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading what iptables-save prints: %w", err)
	}
	return f, nil
}

func (t foundTable) empty() bool { return len(t.chains) == 0 && len(t.jumps) == 0 }

// empty reports whether nothing of ours is there.
func (f found) empty() bool {
	for _, t := range f {
		if !t.empty() {
			return false
		}
	}
	return true
}

// writeRemoval writes the restore input that removes all of it.
func (f found) writeRemoval(w io.Writer) error {
	t := newText(w)
	for _, table := range Tables() {
		has := f[table]
		if has.empty() {
			continue
		}
		t.str("*").str(string(table)).end()
		for _, chain := range has.chains {
			declare(t, chain)
		}
		for _, jump := range table.jumps() {
			for range has.jumps[jump] {
				t.str("-D ").str(jump).end()
			}
		}
		for _, chain := range has.chains {
			t.str("-X ").str(chain).end()
		}
		t.str("COMMIT\n")
		t.spill()
	}
	return t.flush()
}
