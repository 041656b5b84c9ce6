package backendtest_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/iptables"
)

// A family that the node loses is removed, and one that it wins comes in.
func TestIPTablesFamilies(t *testing.T) {
	both := backends.Families()
	for _, v := range []iptables.Variant{iptables.Legacy, iptables.NFT} {
		t.Run(string(v), func(t *testing.T) {
			b := iptables.New(v)
			defer cleanUp(t, b)
			empty := saved(t, v)
			for i, families := range [][]backends.Family{both, both[:1], both, both[1:], both[:1]} {
				c := newCluster(uint64(i), families...)
				c.change(12)
				syncs(t, b, c.state())
				equalsSync(t, v, b, c.state())
			}
			cleanUp(t, b)
			if is := saved(t, v); is != empty {
				t.Errorf("left\n%s", is)
			}
		})
	}
}

// What Render tells is accepted by the tools and gives what Sync makes.
func TestIPTablesRenderIsAccepted(t *testing.T) {
	for _, v := range []iptables.Variant{iptables.Legacy, iptables.NFT} {
		t.Run(string(v), func(t *testing.T) {
			c := newCluster(3, backends.Families()...)
			c.change(12)
			b := iptables.New(v)
			defer cleanUp(t, b)
			parts, err := b.Render(c.state())
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range parts {
				var text strings.Builder
				if err := p.Write(&text); err != nil {
					t.Fatal(err)
				}
				if _, err := run(t.Context(), text.String(), p.Command[0], p.Command[1:]...); err != nil {
					t.Fatalf("%s: %v", p.Name, err)
				}
			}
			// Compared without nfacct, whose rules for node ports Render leaves out.
			equalsSync(t, v, b, c.state())
		})
	}
}

// Without ip6tables, or its tables in the kernel, IPv4 works as ever, and a
// node with an IPv6 address is refused by what is missing.
func TestIPTablesWithoutIPv6(t *testing.T) {
	const v = iptables.Legacy
	var tools []string
	for _, tool := range []string{"iptables-legacy-save", "iptables-legacy-restore"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		tools = append(tools, path)
	}
	four, six := newCluster(1, backends.IPv4), newCluster(1, backends.Families()...)
	for name, c := range map[string]struct {
		script  string // of ip6tables-legacy-restore, "" for none
		feature string
	}{
		"no tool":   {"", "the tool ip6tables-legacy-restore"},
		"no tables": {"#!/bin/sh\necho \"unable to initialize table 'filter'\" >&2\nexit 3\n", "the filter table for ip6tables-legacy"},
	} {
		if _, err := exec.LookPath("sh"); err != nil && c.script != "" {
			continue // the microVM has no shell, and the same code
		}
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			for _, tool := range tools {
				if err := os.Symlink(tool, filepath.Join(path, filepath.Base(tool))); err != nil {
					t.Fatal(err)
				}
			}
			if c.script != "" {
				for tool, script := range map[string]string{"ip6tables-legacy-restore": c.script, "ip6tables-legacy-save": "#!/bin/sh\n"} {
					if err := os.WriteFile(filepath.Join(path, tool), []byte(script), 0o700); err != nil {
						t.Fatal(err)
					}
				}
			}
			t.Setenv("PATH", path)
			b := iptables.New(v)
			syncs(t, b, four.state())
			if n := objectsOf(t, b); n["rules"] == 0 {
				t.Error("nothing was programmed for IPv4")
			}
			err := b.Sync(t.Context(), six.state())
			missing := (*backends.NotSupportedError)(nil)
			if !errors.As(err, &missing) || missing.Feature != c.feature || missing.Mend == "" {
				t.Errorf("%v, want that %s is missing, and a mend", err, c.feature)
			}
			cleanUp(t, b)
		})
	}
}
