package image

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cavaliergopher/cpio"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab/vm/elftest"
	"github.com/svcmark/svcmark/lab/vm/kernel"
)

func write(t *testing.T, path string, mode os.FileMode, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, mode); err != nil {
		t.Fatal(err)
	}
}

// static is a program with nothing to it.
func static() []byte { return elftest.File{}.Bytes() }

func TestBuild(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/init", 0o755, static())
	write(t, dir+"/bin/some-tool", 0o755, append(static(), "tool"...))
	t.Setenv("PATH", dir+"/bin")
	spec := Spec{
		Init:    dir + "/init",
		Tools:   []Tool{{Name: "some-tool", Package: "some", Links: []string{"alias"}}},
		Modules: []kernel.Module{{Name: "b", ELF: []byte("B")}, {Name: "a", ELF: []byte("A")}},
	}
	img, err := Build(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	var names []string
	for r := cpio.NewReader(bytes.NewReader(img.CPIO)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		got[h.Name] = h.Mode.String() + " " + h.Linkname + string(b)
		names = append(names, h.Name)
		if dir := filepath.Dir(h.Name); dir != "." && got[dir] == "" {
			t.Errorf("%s comes before its folder", h.Name)
		}
	}
	for name, want := range map[string]string{
		"init":                  string(static()),
		"usr/sbin/some-tool":    string(static()) + "tool",
		"usr/sbin/alias":        "some-tool",
		"lib":                   "usr/lib",
		"usr/lib/modules/order": "b\na\n",
		"usr/lib/modules/a.ko":  "A",
	} {
		if !strings.HasSuffix(got[name], " "+want) {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if !slices.IsSorted(names) {
		t.Errorf("not sorted: %q", names)
	}
	if v := img.Tools["some-tool"]; !strings.HasPrefix(v, "sha256:") {
		t.Errorf("the tool's version is %q", v)
	}

	// Another time, another place: the same bytes.
	later := t.TempDir()
	write(t, later+"/other", 0o700, static())
	spec.Init = later + "/other"
	again, err := Build(t.Context(), spec)
	if err != nil || !bytes.Equal(again.CPIO, img.CPIO) || again.Sum != img.Sum {
		t.Errorf("the same inputs gave another image (error %v)", err)
	}
}

func TestBuildNamesEveryMissingTool(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/init", 0o755, static())
	_, err := Build(t.Context(), Spec{Init: dir + "/init", Tools: []Tool{
		{Name: "no-such-tool", Package: "nothing"},
		{Name: "nor-this", Package: "nowhere"},
	}})
	if !errors.Is(err, backends.ErrNotSupported) {
		t.Fatal(err)
	}
	for _, want := range []string{"no-such-tool", "sudo apt-get install nothing", "sudo apt-get install nowhere"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

func TestCheckStatic(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/dynamic", 0o755, elftest.File{Interp: "/lib64/ld-linux-x86-64.so.2"}.Bytes())
	write(t, dir+"/script", 0o755, []byte("#!/bin/sh\n"))
	write(t, dir+"/static", 0o755, static())
	for file, want := range map[string]string{
		"dynamic": "build it with CGO_ENABLED=0",
		"script":  "is no program in ELF",
		"none":    "no such file",
	} {
		if err := CheckStatic(filepath.Join(dir, file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", file, err, want)
		}
	}
	if err := CheckStatic(dir + "/static"); err != nil {
		t.Error(err)
	}
}

func TestLdDirs(t *testing.T) {
	dir := t.TempDir()
	conf := filepath.Join(dir, "ld.so.conf")
	write(t, conf, 0o644, []byte("# comment\n/a # more\n\ninclude conf.d/*.conf\nrelative\n/z\n"))
	write(t, dir+"/conf.d/1.conf", 0o644, []byte("/b\ninclude "+conf+"\n"))
	write(t, dir+"/conf.d/2.conf", 0o644, []byte("/c"))
	got, err := ldDirs(conf)
	if want := []string{"/a", "/b", "/c", "/z"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, error %v, want %q", got, err, want)
	}
}

func TestInUsr(t *testing.T) {
	for path, want := range map[string]string{
		"/lib64/ld.so":         "usr/lib64/ld.so",
		"/usr/lib/x":           "usr/lib/x",
		"/lib":                 "lib",
		"/libexec/x":           "libexec/x",
		"../../etc/passwd":     "etc/passwd",
		"/sbin/../bin/program": "usr/bin/program",
	} {
		if got := inUsr(path); got != want {
			t.Errorf("%s lands at %s, want %s", path, got, want)
		}
	}
}

func TestBuildRefusesAScript(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/init", 0o755, static())
	write(t, dir+"/mine", 0o755, []byte("#!/bin/sh\n"))
	_, err := Build(t.Context(), Spec{Init: dir + "/init", Tools: []Tool{{Name: "exec-mine", File: dir + "/mine"}}})
	if err == nil || !strings.Contains(err.Error(), "the tool exec-mine: "+dir+"/mine is no ELF binary") {
		t.Errorf("a script: %v", err)
	}
}
