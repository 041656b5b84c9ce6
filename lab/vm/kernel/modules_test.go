package kernel

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/lab/vm/elftest"
)

// module makes a module's file.
func module(needs string) []byte {
	return elftest.File{ModInfo: []byte("license=GPL\x00depends=" + needs + "\x00name=x\x00")}.Bytes()
}

// moduleDir makes a directory of modules. The value of a file is what it needs.
func moduleDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, needs := range files {
		path := filepath.Join(dir, "kernel", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		format := map[string]string{".xz": "xz", ".zst": "zstd", ".gz": "gzip"}[filepath.Ext(name)]
		b := compress(t, format, module(needs))
		if format == "xz" || format == "zstd" {
			b = b[:len(b)-4] // the size goes with kernels only
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	builtin := "kernel/lib/libcrc32c.ko\nkernel/drivers/net/loopback.ko\n"
	if err := os.WriteFile(filepath.Join(dir, "modules.builtin"), []byte(builtin), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSelect(t *testing.T) {
	m, err := OpenModules(moduleDir(t, map[string]string{
		"net/ip_vs.ko.xz":        "nf-conntrack,libcrc32c",
		"net/ip_vs_rr.ko.zst":    "ip_vs",
		"net/nf-conntrack.ko.gz": "",
		"net/xt_b.ko":            "gone",
		"net/xt_a.ko":            "xt_b",
		"net/unasked.ko":         "",
	}))
	if err != nil {
		t.Fatal(err)
	}
	selected, err := m.Select([]string{"ip_vs_rr", "xt_*", "loop*", "no-such", "nft_*", "ip_vs"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range selected {
		names = append(names, s.Name)
		if !strings.HasPrefix(string(s.ELF), "\x7fELF") {
			t.Errorf("%s is not uncompressed", s.Name)
		}
	}
	if want := []string{"nf_conntrack", "ip_vs", "ip_vs_rr", "xt_b", "xt_a"}; !slices.Equal(names, want) {
		t.Errorf("selected %q, want %q", names, want)
	}
	if _, err := m.Select([]string{"[a"}); err == nil {
		t.Error("a bad pattern was taken")
	}
}

func TestOpenModulesRefuses(t *testing.T) {
	if _, err := OpenModules(t.TempDir()); err == nil {
		t.Error("an empty folder was taken")
	}
	if _, err := OpenModules("/nonexistent"); err == nil {
		t.Error("a missing folder was taken")
	}
}

func FuzzNeedsOf(f *testing.F) {
	f.Add(module("a,b-c"))
	f.Add(elftest.File{}.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		needs, err := needsOf(b)
		if err == nil && slices.ContainsFunc(needs, func(n string) bool { return strings.ContainsAny(n, "-,\x00") }) {
			t.Errorf("needs %q", needs)
		}
	})
}
