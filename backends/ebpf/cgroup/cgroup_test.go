package cgroup

import (
	"os"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/lab/labtest"
)

func TestMain(m *testing.M) { labtest.Main(m) }

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0::/\n", "9:name=systemd:/\n0::/a/svcmark-1/node\n", "0::/../x", "0::/a b/\n", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parse(text)
		if err == nil && (p == "" || p == ".." || strings.HasPrefix(p, "/") || strings.HasPrefix(p, "../")) {
			t.Errorf("%q gives %q", text, p)
		}
	})
}

func TestOurs(t *testing.T) {
	for group, want := range map[string]string{
		"svcmark-0": "svcmark-0", "a/svcmark-12/node": "a/svcmark-12", "node": "", ".": "", "svcmark-x/node": "", "svcmark-": "", "a/node/svcmark-1/x": "",
	} {
		outer, ours := Ours(group)
		if ours != (want != "") || ours && outer != want {
			t.Errorf("%s: %q, %t", group, outer, ours)
		}
	}
}

// A process enters a group that is not the one it was in, a thread can leave it
// alone, and nothing is left in the end.
func TestEnterAndExit(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	tree, err := Open()
	if err != nil {
		t.Skip(err)
	}
	defer tree.Close()
	was, err := Own()
	if err != nil {
		t.Fatal(err)
	}
	first, err := tree.Enter()
	if err != nil {
		t.Fatal(err)
	}
	second, err := tree.Enter()
	if err != nil {
		t.Fatal(err)
	}
	if is, err := Own(); err != nil || is != second || first == second || is == was {
		t.Errorf("was in %s, entered %s and %s, is in %s, %v", was, first, second, is, err)
	}
	if d, err := tree.Dir(first); err == nil {
		d.Close()
		t.Errorf("the first group %s is still there", first)
	}
	if err := tree.Exit(); err != nil {
		t.Fatal(err)
	}
	if is, err := Own(); err != nil || is != was {
		t.Errorf("is in %s, %v, want %s", is, err, was)
	}
	if d, err := tree.Dir(second); err == nil {
		d.Close()
		t.Errorf("the second group %s is still there", second)
	}
}
