package iptables

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// Variant is one of the two kernel mechanisms behind iptables' commands. They
// behave and scale differently enough to be two dataplanes.
type Variant string

// The variants; a variant is the prefix of its tools' names.
const (
	Legacy Variant = "iptables-legacy" // ip_tables: a table is replaced as a whole
	NFT    Variant = "iptables-nft"    // nf_tables, through its compatibility layer
)

// mark is what the tools of the variant print behind their version.
func (v Variant) mark() string {
	if v == NFT {
		return "(nf_tables)"
	}
	return "(legacy)"
}

// tools are the programs of one variant and family.
type tools struct {
	restore, save string // by path
	// names is the file in which the kernel lists the tables that exist, "" when
	// the variant has none.
	names string
}

// prefix is that of the names of the variant's programs for a family.
func (v Variant) prefix(f backends.Family) string {
	if f == backends.IPv6 {
		return "ip6" + strings.TrimPrefix(string(v), "ip")
	}
	return string(v)
}

// findTools finds the programs of a variant. A distribution that has only one
// variant may have only the names without its suffix; those say which they are.
func findTools(ctx context.Context, v Variant, f backends.Family) (tools, error) {
	prefix := v.prefix(f)
	plain, _, _ := strings.Cut(prefix, "-")
	names := ""
	if v == Legacy {
		// /proc/net is that of the process's first thread, which may be elsewhere.
		names = "/proc/thread-self/net/" + strings.TrimSuffix(plain, "tables") + "_tables_names"
	}
	own, ownErr := lookUp(prefix, names)
	if ownErr == nil {
		return own, nil
	}
	missing := &backends.NotSupportedError{
		Feature: "the tool " + prefix + "-restore",
		Mend:    "apt-get install iptables",
		Err:     ownErr,
	}
	t, err := lookUp(plain, names)
	if err != nil {
		return tools{}, missing
	}
	version, err := exec.CommandContext(ctx, t.restore, "--version").Output()
	if err != nil {
		missing.Err = fmt.Errorf("asking %s for its version: %w", t.restore, err)
		return tools{}, missing
	}
	if !strings.Contains(string(version), v.mark()) {
		missing.Err = fmt.Errorf("%s is %s", t.restore, strings.TrimSpace(string(version)))
		return tools{}, missing
	}
	return t, nil
}

func lookUp(prefix, names string) (t tools, err error) {
	t.names = names
	if t.restore, err = exec.LookPath(prefix + "-restore"); err != nil {
		return tools{}, err
	}
	t.save, err = exec.LookPath(prefix + "-save")
	return t, err
}

// restoreArgs are kube-proxy's: chains that the input does not name are left
// alone, and the lock is waited for for five seconds.
func restoreArgs() []string { return []string{"-w", "5", "--noflush", "--counters"} }

// restoreCommand is iptables-restore, ready to be given its input.
func (t tools) restoreCommand(ctx context.Context) *exec.Cmd {
	return exec.CommandContext(ctx, t.restore, restoreArgs()...)
}

// restore runs cmd on what write writes, which goes there through a stream while
// the tool already works on it.
func restore(ctx context.Context, cmd *exec.Cmd, write func(io.Writer) error) error {
	tool := filepath.Base(cmd.Path)
	in, out, err := stream()
	if err != nil {
		return err
	}
	var said head
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &said, &said
	err = cmd.Start()
	in.Close()
	if err != nil {
		out.Close()
		return fmt.Errorf("starting %s: %w", tool, err)
	}
	writeErr := write(out)
	out.Close()
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s was stopped: %w", tool, ctx.Err())
	case err != nil:
		return batchTooLong(newRestoreError(tool, said.String(), err, write))
	case writeErr != nil:
		return fmt.Errorf("writing the input of %s: %w", tool, writeErr)
	}
	return nil
}

// stream makes a stream whose ends block. It is a socket pair, because a pipe
// that is full wakes its writer for each page that is read: two switches for
// 4 KiB. A socket's writer sleeps until most of its buffer is read. And unlike
// the ends that os.Pipe makes, blocking ones need no trip through the poller.
func stream() (r, w *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("making a socket pair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "stream"), os.NewFile(uintptr(fds[1]), "stream"), nil
}

// read gives what the kernel holds. One run of iptables-save gives all tables,
// but the legacy one learns which there are from a file in /proc that an
// unprivileged user's root may not be allowed to read: then it is asked for
// each, which makes those that are not there. When the file can be read and
// names none, there is nothing to ask for.
func (t tools) read(ctx context.Context) (found, error) {
	if t.names != "" {
		tables, err := os.ReadFile(t.names)
		if err == nil && len(tables) == 0 || errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
	}
	all, err := t.readTables(ctx)
	if err == nil || ctx.Err() != nil {
		return all, err
	}
	all = found{}
	for _, table := range Tables() {
		one, tableErr := t.readTables(ctx, "-t", string(table))
		if tableErr != nil {
			return nil, errors.Join(err, tableErr)
		}
		all[table] = one[table]
	}
	return all, nil
}

func (t tools) readTables(ctx context.Context, args ...string) (found, error) {
	cmd := exec.CommandContext(ctx, t.save, args...)
	var said head
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", t.save, err)
	}
	f, parseErr := parseSave(out)
	out.Close() // a save whose output cannot be read must not wait for us
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s was stopped: %w", filepath.Base(t.save), ctx.Err())
	case parseErr != nil:
		return nil, parseErr
	case err != nil:
		return nil, fmt.Errorf("%s: %w: %s", filepath.Base(t.save), err, strings.TrimSpace(said.String()))
	}
	return f, nil
}

// head keeps the first of what a program says; a restore that fails on every
// rule of a large input says too much.
type head struct{ b []byte }

const headSize = 4 << 10

func (h *head) Write(p []byte) (int, error) {
	h.b = append(h.b, p[:min(len(p), headSize-len(h.b))]...)
	return len(p), nil
}

func (h *head) String() string { return string(h.b) }

// permission makes an error of starting a program in new namespaces clear.
func permission(err error) error {
	if !errors.Is(err, syscall.EPERM) {
		return err
	}
	return &backends.NotSupportedError{
		Feature: "permission to make network namespaces", Err: err,
		Mend: "run as root, or in a lab",
	}
}
