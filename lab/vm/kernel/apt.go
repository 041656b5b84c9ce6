package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/svcmark/svcmark/lab/vm/flock"
)

// fetch takes the kernel's packages from the distribution's archive and unpacks
// them into the cache. It needs no root, and installs nothing: the machine's own
// boot loader, modules and package database are untouched.
func (s Source) fetch(ctx context.Context) (Kernel, error) {
	for _, tool := range []string{"apt-get", "apt-cache", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return Kernel{}, fmt.Errorf("a kernel can be fetched with apt only: %w", err)
		}
	}
	if err := os.MkdirAll(s.Cache, 0o755); err != nil {
		return Kernel{}, err
	}
	lock, err := flock.Acquire(ctx, filepath.Join(s.Cache, ".lock"))
	if err != nil {
		return Kernel{}, err
	}
	defer lock.Release()
	if k, ok := s.cached(); ok {
		return k, nil // another process was faster
	}

	// Under the lock the work folder is ours, and what is in it is what a killed
	// process left.
	work := filepath.Join(s.Cache, ".work")
	if err := os.RemoveAll(work); err != nil {
		return Kernel{}, err
	}
	defer func() { _ = os.RemoveAll(work) }()
	root := filepath.Join(work, "root")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return Kernel{}, err
	}

	apt := apt{dir: work}
	release, err := apt.download(ctx, s.Release, s.Log)
	if err != nil && ctx.Err() == nil {
		// The machine's package lists may be empty or old, as in a fresh
		// container, and only root may renew them: have lists of our own.
		s.Log("reading the package lists")
		apt.private = true
		if _, uerr := apt.run(ctx, "apt-get", "update"); uerr != nil {
			return Kernel{}, errors.Join(err, uerr)
		}
		release, err = apt.download(ctx, s.Release, s.Log)
	}
	if err != nil {
		return Kernel{}, err
	}
	debs, err := filepath.Glob(filepath.Join(work, "*.deb"))
	if err != nil {
		return Kernel{}, err
	}
	slices.Sort(debs)
	for _, deb := range debs {
		if _, err := apt.run(ctx, "dpkg-deb", "-x", deb, root); err != nil {
			return Kernel{}, err
		}
	}
	if _, ok := installed(root, release); !ok {
		return Kernel{}, fmt.Errorf("the packages of %s hold no kernel with modules", release)
	}
	home := filepath.Join(s.Cache, release)
	if err := os.Rename(root, home); err != nil {
		return Kernel{}, err
	}
	k, _ := installed(home, release)
	return k, nil
}

// apt runs the package tools in a directory of ours.
type apt struct {
	dir     string
	private bool // with package lists of our own
}

func (a apt) run(ctx context.Context, name string, args ...string) (string, error) {
	if strings.HasPrefix(name, "apt") {
		options := []string{
			"-q", // no progress bar
			// Our directory may be closed to the user _apt, as which root's
			// apt would download; that is no reason for a warning.
			"-o", "APT::Sandbox::User=root",
		}
		if a.private {
			options = append(options,
				"-o", "Dir::State::Lists="+filepath.Join(a.dir, "lists"),
				"-o", "Dir::Cache="+filepath.Join(a.dir, "cache"))
		}
		args = append(options, args...)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = a.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		said := strings.Join(strings.Fields(stderr.String()), " ")
		return "", fmt.Errorf("%s %s: %w: %s", name, args[len(args)-1], err, said)
	}
	return stdout.String(), nil
}

// download fetches the packages of a release, or of the current one when release
// is "", into the directory, and gives the release.
func (a apt) download(ctx context.Context, release string, log func(string)) (string, error) {
	image := "linux-image-" + release
	if release == "" {
		var err error
		if image, err = a.current(ctx); err != nil {
			return "", err
		}
	}
	depends, err := a.run(ctx, "apt-cache", "depends", image)
	if err != nil {
		return "", err
	}
	// Debian's image package holds the modules, Ubuntu's does not.
	packages := append([]string{image}, dependencies(depends, "linux-modules-")...)
	log("downloading " + strings.Join(packages, " and "))
	for _, p := range packages {
		if _, err := a.run(ctx, "apt-get", "download", p); err != nil {
			return "", err
		}
	}
	return strings.TrimPrefix(image, "linux-image-"), nil
}

// current gives the package of the distribution's current kernel for virtual
// machines, which Debian and Ubuntu name differently.
func (a apt) current(ctx context.Context) (string, error) {
	var errs []error
	for _, meta := range []string{"linux-image-cloud-" + runtime.GOARCH, "linux-image-virtual"} {
		out, err := a.run(ctx, "apt-cache", "depends", meta)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if images := dependencies(out, "linux-image-"); len(images) > 0 {
			return images[0], nil
		}
		errs = append(errs, fmt.Errorf("the package %s names no kernel", meta))
	}
	return "", errors.Join(errs...)
}

// dependencies reads what "apt-cache depends" prints: the packages that are
// depended on, whose name is the prefix and then a version.
func dependencies(out, prefix string) []string {
	depends := regexp.MustCompile(`(?m)^ +\|?(?:Pre)?Depends: (` + regexp.QuoteMeta(prefix) + `[0-9][a-z0-9.+~-]*)$`)
	var names []string
	for _, m := range depends.FindAllStringSubmatch(out, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	return names
}
