package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/svcmark/svcmark/backends"
)

// TestMain lets this test program stand in for the package tools, by its name.
func TestMain(m *testing.M) {
	switch name := filepath.Base(os.Args[0]); name {
	case "apt-get", "apt-cache", "dpkg-deb":
		os.Exit(fakeApt(name, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// fakeApt is an archive with one kernel. FAKE_APT says what is wrong with it.
func fakeApt(name string, args []string) int {
	trouble := os.Getenv("FAKE_APT")
	fail := func(says string) int {
		fmt.Fprintln(os.Stderr, "E:", says)
		return 100
	}
	log, err := os.OpenFile(os.Getenv("FAKE_APT_LOG"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fail(err.Error())
	}
	fmt.Fprintln(log, name, args[len(args)-1])
	private := slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "Dir::State::Lists=") })
	switch {
	case trouble == "offline", trouble == "stale" && !private && name != "dpkg-deb":
		return fail("Unable to locate package")
	case name == "apt-cache" && strings.HasPrefix(args[len(args)-1], "linux-image-6.1.0-9"):
		fmt.Println(args[len(args)-1] + "\n  Depends: linux-base\n  Depends: linux-modules-6.1.0-9-virtual")
	case name == "apt-cache":
		fmt.Println(args[len(args)-1] + "\n |Depends: linux-image-6.1.0-9-virtual\n  Depends: linux-image-unsigned-6.1.0-9-virtual")
	case name == "apt-get" && args[len(args)-1] != "update":
		if err := os.WriteFile(args[len(args)-1]+"_1_amd64.deb", nil, 0o600); err != nil {
			return fail(err.Error())
		}
	case name == "dpkg-deb" && trouble != "empty":
		root := args[len(args)-1]
		file := filepath.Join(root, "boot/vmlinuz-6.1.0-9-virtual")
		if strings.Contains(args[1], "modules") {
			file = filepath.Join(root, "lib/modules/6.1.0-9-virtual/a.ko")
		}
		if os.MkdirAll(filepath.Dir(file), 0o700) != nil || os.WriteFile(file, nil, 0o600) != nil {
			return fail("writing")
		}
	}
	return 0
}

// useFakeApt puts the stand-ins first in PATH and gives the path of their log.
func useFakeApt(t *testing.T, trouble string) (log string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"apt-get", "apt-cache", "dpkg-deb"} {
		if err := os.Symlink(exe, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	t.Setenv("FAKE_APT", trouble)
	log = filepath.Join(dir, "log")
	t.Setenv("FAKE_APT_LOG", log)
	return log
}

func TestFindFetches(t *testing.T) {
	for _, trouble := range []string{"", "stale"} {
		t.Run("trouble "+trouble, func(t *testing.T) {
			log := useFakeApt(t, trouble)
			cache := filepath.Join(t.TempDir(), "kernels")
			// What a process that was killed half way left.
			if err := os.MkdirAll(filepath.Join(cache, ".work/root/boot"), 0o755); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					k, err := Source{Cache: cache}.Find(t.Context())
					want := filepath.Join(cache, "6.1.0-9-virtual/boot/vmlinuz-6.1.0-9-virtual")
					if err != nil || k.Image != want || filepath.Base(k.Modules) != "6.1.0-9-virtual" {
						t.Errorf("got %+v, error %v", k, err)
					}
				})
			}
			wg.Wait()
			b, err := os.ReadFile(log)
			if n := strings.Count(string(b), "dpkg-deb"); err != nil || n != 2 {
				t.Errorf("%d packages were unpacked, want 2 (error %v):\n%s", n, err, b)
			}
			if _, err := os.Stat(filepath.Join(cache, ".work")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the work folder is left: %v", err)
			}
		})
	}
}

func TestFindSaysWhatIsMissing(t *testing.T) {
	for _, trouble := range []string{"offline", "empty"} {
		useFakeApt(t, trouble)
		// A release that this machine cannot have installed either.
		s := Source{Cache: t.TempDir(), Release: "6.1.0-9-virtual"}
		_, err := s.Find(t.Context())
		if !errors.Is(err, backends.ErrNotSupported) || !strings.Contains(err.Error(), "6.1.0-9-virtual") {
			t.Errorf("%s: error %v", trouble, err)
		}
		if entries, err := os.ReadDir(s.Cache); err != nil || len(entries) != 1 { // the lock
			t.Errorf("%s: left in the cache: %v (error %v)", trouble, entries, err)
		}
	}
}

func TestFindRefuses(t *testing.T) {
	for _, s := range []Source{
		{Release: "../../etc"},
		{Release: "-o"},
		{Image: "/nonexistent"},
		{Modules: "/"},
		{Image: "/proc/self/exe", Modules: "/nonexistent"},
	} {
		s.Cache = t.TempDir()
		if k, err := s.Find(t.Context()); err == nil {
			t.Errorf("%+v gave %+v", s, k)
		}
	}
}

func TestFindPrefersTheNewestInTheCache(t *testing.T) {
	cache := t.TempDir()
	for _, r := range []string{"6.1.0-9-a", "6.1.0-10-a", "5.10.0-99-a"} {
		for _, f := range []string{"boot/vmlinuz-" + r, "usr/lib/modules/" + r + "/a.ko"} {
			path := filepath.Join(cache, r, f)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for release, want := range map[string]string{"": "6.1.0-10-a", "6.1.0-9-a": "6.1.0-9-a"} {
		k, err := Source{Cache: cache, Release: release}.Find(t.Context())
		if err != nil || filepath.Base(k.Modules) != want {
			t.Errorf("release %q gave %+v, error %v", release, k, err)
		}
	}
}

func TestCompareReleases(t *testing.T) {
	sorted := []string{"", "5.10.0-1", "6.1.0-9-a", "6.1.0-10-a", "6.1.0-10-b", "6.12.1", "6.12.1-1"}
	for i := range sorted {
		for j := range sorted {
			if c := compareReleases(sorted[i], sorted[j]); (c < 0) != (i < j) || (c == 0) != (i == j) {
				t.Errorf("compare(%q, %q) = %d", sorted[i], sorted[j], c)
			}
		}
	}
}

func FuzzDependencies(f *testing.F) {
	f.Add("linux-image-virtual\n  Depends: linux-image-6.8.0-45-generic\n |Depends: x\n")
	f.Fuzz(func(t *testing.T, out string) {
		for _, name := range dependencies(out, "linux-image-") {
			if !validRelease.MatchString(strings.TrimPrefix(name, "linux-image-")) {
				t.Errorf("%q became a package", name)
			}
		}
	})
}
