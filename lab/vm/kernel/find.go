package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/svcmark/svcmark/backends"
)

// Kernel is a kernel on this machine's disk.
type Kernel struct {
	Image   string // vmlinuz, or vmlinux
	Modules string // its directory below lib/modules; "" when it has none
}

// Source says which kernel is wanted. The zero Source with a Cache is right for
// almost everybody.
type Source struct {
	// Image and Modules name a kernel explicitly. An Image without Modules has
	// everything built in.
	Image, Modules string
	// Release asks for one release, such as 6.1.0-56-cloud-amd64, from the cache
	// or from the distribution's archive. "" takes what the cache holds, newest
	// first, and then the distribution's current one for virtual machines.
	Release string
	// Cache is the directory in which kernels are kept, one folder a release.
	Cache string
	// Log is told what takes long.
	Log func(string)
}

// validRelease is what may become a part of a path and of a package's name.
var validRelease = regexp.MustCompile(`^[0-9][a-zA-Z0-9.+~-]*$`)

// Find gives the kernel that the source asks for, and fetches it if it must.
// An error satisfies errors.Is(err, backends.ErrNotSupported) when this machine
// has no such kernel and cannot get it.
func (s Source) Find(ctx context.Context) (Kernel, error) {
	if s.Image != "" {
		return s.named()
	}
	if s.Modules != "" {
		return Kernel{}, errors.New("kernel modules were named without their kernel")
	}
	if s.Release != "" && !validRelease.MatchString(s.Release) {
		return Kernel{}, fmt.Errorf("%q is no kernel release: it should look like 6.1.0-56-cloud-amd64", s.Release)
	}
	if s.Log == nil {
		s.Log = func(string) {}
	}
	if k, ok := s.cached(); ok {
		return k, nil
	}
	k, err := s.fetch(ctx)
	if err == nil || ctx.Err() != nil {
		return k, err
	}
	if k, ok := installed("/", s.Release); ok {
		return k, nil
	}
	wanted := "a kernel for the vm lab"
	if s.Release != "" {
		wanted = "the kernel " + s.Release
	}
	return Kernel{}, &backends.NotSupportedError{
		Feature: wanted,
		Mend:    "sudo apt-get update, or name one with --kernel and --modules",
		Err:     err,
	}
}

func (s Source) named() (Kernel, error) {
	if _, err := os.Stat(s.Image); err != nil {
		return Kernel{}, fmt.Errorf("the kernel: %w", err)
	}
	if s.Modules != "" {
		if _, err := os.Stat(s.Modules); err != nil {
			return Kernel{}, fmt.Errorf("the kernel's modules: %w", err)
		}
	}
	return Kernel{Image: s.Image, Modules: s.Modules}, nil
}

// cached gives the wanted or newest kernel in the cache. A folder there is
// whole: it was renamed into place.
func (s Source) cached() (Kernel, bool) {
	releases := []string{s.Release}
	if s.Release == "" {
		releases = nil
		entries, _ := os.ReadDir(s.Cache)
		for _, e := range entries {
			if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
				releases = append(releases, e.Name())
			}
		}
		slices.SortFunc(releases, func(a, b string) int { return compareReleases(b, a) })
	}
	for _, r := range releases {
		if k, ok := installed(filepath.Join(s.Cache, r), r); ok {
			return k, true
		}
	}
	return Kernel{}, false
}

// installed looks for a kernel with modules below root: the given release, or
// the newest that is readable.
func installed(root, release string) (Kernel, bool) {
	var releases []string
	for _, dir := range []string{"lib/modules", "usr/lib/modules"} {
		entries, _ := os.ReadDir(filepath.Join(root, dir))
		for _, e := range entries {
			if release == "" || e.Name() == release {
				releases = append(releases, e.Name())
			}
		}
	}
	slices.SortFunc(releases, func(a, b string) int { return compareReleases(b, a) })
	for _, r := range releases {
		for _, dir := range []string{"lib/modules", "usr/lib/modules"} {
			modules := filepath.Join(root, dir, r)
			for _, image := range []string{filepath.Join(root, "boot", "vmlinuz-"+r), filepath.Join(modules, "vmlinuz")} {
				if readable(image) && readable(modules) {
					return Kernel{Image: image, Modules: modules}, true
				}
			}
		}
	}
	return Kernel{}, false
}

// readable says whether the file is there and may be read: some distributions
// keep /boot/vmlinuz-* for root.
func readable(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// compareReleases orders kernel releases by their numbers: 6.1.0-9 is before
// 6.1.0-10.
func compareReleases(a, b string) int {
	for a != "" && b != "" {
		na, nb := digits(a), digits(b)
		if na == 0 || nb == 0 {
			if a[0] != b[0] {
				return int(a[0]) - int(b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		x, y := strings.TrimLeft(a[:na], "0"), strings.TrimLeft(b[:nb], "0")
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		if c := strings.Compare(x, y); c != 0 {
			return c
		}
		a, b = a[na:], b[nb:]
	}
	return len(a) - len(b)
}

func digits(s string) int {
	if i := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsDigit(r) }); i >= 0 {
		return i
	}
	return len(s)
}
