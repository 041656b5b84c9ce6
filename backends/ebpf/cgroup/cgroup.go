// Package cgroup puts this process into a control group of its own, where what
// is attached to it sees this process's sockets and no other's.
//
// A group is two: svcmark-N below the one in which the process was, and node in
// it, which is threaded (Documentation/admin-guide/cgroup-v2.rst): a thread that
// plays a machine beyond the node can leave it alone (Leave). Directories do not
// end with a process. An empty one has nothing attached, and whoever enters a
// group next beside it takes it away.
package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

const (
	prefix = "svcmark-"
	node   = "node"
	most   = 1000 // groups beside each other
)

// Tree is the hierarchy of control groups, mounted for nobody but its holder: no
// path leads there, and it is gone with the process.
type Tree struct{ fd int }

// Open mounts the tree.
func Open() (Tree, error) {
	missing := func(err error) error {
		return &backends.NotSupportedError{
			Feature: "cgroup v2 that may be mounted", Kernel: backends.KernelRelease(), Err: err,
			Mend: "run as root outside of user namespaces on a kernel with CONFIG_CGROUPS, or use --lab vm",
		}
	}
	fs, err := unix.Fsopen("cgroup2", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return Tree{-1}, missing(err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return Tree{-1}, missing(err)
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		return Tree{-1}, missing(err)
	}
	return Tree{fd}, nil
}

// Close unmounts it.
func (t Tree) Close() error { return unix.Close(t.fd) }

// Dir opens a group, "." for the root.
func (t Tree) Dir(group string) (*os.File, error) {
	fd, err := unix.Openat(t.fd, group, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the control group %s: %w", group, err)
	}
	return os.NewFile(uintptr(fd), group), nil
}

// Own is the group of the calling thread, without a leading slash; "." is the
// root.
func Own() (string, error) {
	text, err := os.ReadFile("/proc/thread-self/cgroup")
	if err != nil {
		return "", fmt.Errorf("finding this process's control group: %w", err)
	}
	return parse(text)
}

// parse finds the group of the hierarchy 0, which is version 2's (cgroups(7)).
func parse(text []byte) (string, error) {
	for line := range bytes.Lines(text) {
		at, ok := bytes.CutPrefix(bytes.TrimSuffix(line, []byte("\n")), []byte("0::/"))
		if !ok {
			continue
		}
		p := path.Clean(string(at))
		if p == ".." || strings.HasPrefix(p, "../") {
			return "", fmt.Errorf("this process's control group %q is outside of its namespace", p)
		}
		return p, nil
	}
	return "", errors.New("this process is in no control group of version 2")
}

// Ours is the outer of the two groups that Enter made, if group is one of them.
func Ours(group string) (outer string, ours bool) {
	if path.Base(group) == node {
		group = path.Dir(group)
	}
	n, ok := strings.CutPrefix(path.Base(group), prefix)
	if !ok {
		return "", false
	}
	_, err := strconv.ParseUint(n, 10, 32)
	return group, err == nil
}

// Enter moves the whole process into a new group and returns its path. Whatever
// was attached to the one that it may have been in does not see new sockets any
// more.
func (t Tree) Enter() (string, error) {
	was, err := Own()
	if err != nil {
		return "", err
	}
	parent := was
	if outer, ours := Ours(was); ours {
		parent = path.Dir(outer)
	}
	if err := t.sweep(parent); err != nil {
		return "", err
	}
	for i := range most {
		outer := path.Join(parent, prefix+strconv.Itoa(i))
		err := t.enter(outer)
		switch {
		case errors.Is(err, unix.EEXIST), errors.Is(err, unix.ENOENT): // another's; swept away before it was entered
			continue
		case err != nil:
			return "", errors.Join(fmt.Errorf("making the control group %s: %w", outer, err), t.remove(outer))
		}
		return path.Join(outer, node), t.sweep(parent) // the one before, if nobody is left in it
	}
	return "", fmt.Errorf("there are %d control groups %s/%sN", most, parent, prefix)
}

func (t Tree) enter(outer string) error {
	if err := unix.Mkdirat(t.fd, outer, 0o755); err != nil {
		return err
	}
	inner := path.Join(outer, node)
	if err := unix.Mkdirat(t.fd, inner, 0o755); err != nil {
		return err
	}
	if err := t.write(inner+"/cgroup.type", "threaded"); err != nil {
		return err
	}
	// The kernel would account the pressure of each group at every switch of tasks,
	// which is no part of a dataplane (since 6.1 it can be told not to).
	for _, group := range []string{outer, inner} {
		if err := t.write(group+"/cgroup.pressure", "0"); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return t.write(inner+"/cgroup.procs", "0")
}

// Exit moves everybody out of the group that Enter made for this process, and
// removes it. It does nothing for a process that is in none.
func (t Tree) Exit() error {
	own, err := Own()
	if err != nil {
		return err
	}
	outer, ours := Ours(own)
	if !ours {
		return nil
	}
	if err := t.write(path.Join(path.Dir(outer), "cgroup.procs"), "0"); err != nil {
		return fmt.Errorf("leaving the control group %s: %w", outer, err)
	}
	// What this process started meanwhile is in it as well.
	for _, group := range []string{outer, path.Join(outer, node)} {
		text, err := t.read(group + "/cgroup.procs")
		if err != nil && !errors.Is(err, unix.EOPNOTSUPP) { // those of a threaded group stand in the outer one
			return err
		}
		for _, pid := range strings.Fields(text) {
			err := t.write(path.Join(path.Dir(outer), "cgroup.procs"), pid)
			if err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("moving process %s out of the control group %s: %w", pid, outer, err)
			}
		}
	}
	return t.remove(outer)
}

// Leave moves the calling thread alone out of the node's group, if it is in one:
// for a thread that is none of the node's. What it starts is outside as well.
func Leave() error {
	own, err := Own()
	if err != nil {
		return err
	}
	outer, ours := Ours(own)
	if !ours || outer == own {
		return nil
	}
	t, err := Open()
	if err != nil {
		return err
	}
	defer t.Close()
	if err := t.write(outer+"/cgroup.threads", "0"); err != nil {
		return fmt.Errorf("leaving the control group %s: %w", own, err)
	}
	return nil
}

// sweep removes the groups below parent in which nobody is any more.
func (t Tree) sweep(parent string) error {
	dir, err := t.Dir(parent)
	if err != nil {
		return err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if outer, ours := Ours(path.Join(parent, name)); ours {
			if err := t.remove(outer); err != nil && !errors.Is(err, unix.EBUSY) {
				return err
			}
		}
	}
	return nil
}

// remove removes a group that is empty: otherwise it is EBUSY, and nothing is
// changed.
func (t Tree) remove(outer string) error {
	for _, group := range []string{path.Join(outer, node), outer} {
		if err := unix.Unlinkat(t.fd, group, unix.AT_REMOVEDIR); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("removing the control group %s: %w", group, err)
		}
	}
	return nil
}

func (t Tree) write(file, text string) error {
	fd, err := unix.Openat(t.fd, file, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte(text))
	return err
}

func (t Tree) read(file string) (string, error) {
	fd, err := unix.Openat(t.fd, file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	f := os.NewFile(uintptr(fd), file)
	defer f.Close()
	text, err := io.ReadAll(f)
	return string(text), err
}
