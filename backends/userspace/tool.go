package userspace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/svcmark/svcmark/backends"
)

// tool is iptables-legacy of one family. Every call is a run of the program, which
// reads the whole table from the kernel, and writes it back for a change.
type tool struct {
	family        backends.Family
	run           string // by path
	save, restore string
}

// findTool finds the programs of a family. Where there is but one variant they may
// lack its suffix; those say which they are.
func findTool(ctx context.Context, f backends.Family) (*tool, error) {
	plain := "iptables"
	if f == backends.IPv6 {
		plain = "ip6tables"
	}
	t, err := lookUp(f, plain+"-legacy")
	if err == nil {
		return t, nil
	}
	missing := &backends.NotSupportedError{Feature: "the tool " + plain + "-legacy", Mend: "apt-get install iptables", Err: err}
	t, err = lookUp(f, plain)
	if err != nil {
		return nil, missing
	}
	version, err := exec.CommandContext(ctx, t.run, "--version").Output()
	if err != nil || !bytes.Contains(version, []byte("(legacy)")) {
		return nil, missing
	}
	return t, nil
}

func lookUp(f backends.Family, name string) (t *tool, err error) {
	t = &tool{family: f}
	if t.run, err = exec.LookPath(name); err != nil {
		return nil, err
	}
	if t.save, err = exec.LookPath(name + "-save"); err != nil {
		return nil, err
	}
	t.restore, err = exec.LookPath(name + "-restore")
	return t, err
}

// ensureChain makes a chain unless it is there.
func (t *tool) ensureChain(ctx context.Context, table, chain string) error {
	_, err := t.ask(ctx, rule{table, chain, nil}, "-N")
	return err
}

// ensure adds a rule unless it is there.
func (t *tool) ensure(ctx context.Context, put string, r rule) error {
	if there, err := t.ask(ctx, r, "-C"); there || err != nil {
		return err
	}
	return t.do(ctx, put, r)
}

// remove deletes a rule if it is there.
func (t *tool) remove(ctx context.Context, r rule) error {
	if there, err := t.ask(ctx, r, "-C"); !there || err != nil {
		return err
	}
	return t.do(ctx, "-D", r)
}

// flush deletes all rules of a chain.
func (t *tool) flush(ctx context.Context, table, chain string) error {
	return t.do(ctx, "-F", rule{table, chain, nil})
}

// ask is a command that says no by exit status 1: a rule that is not there, a chain
// that is there already.
func (t *tool) ask(ctx context.Context, r rule, command string) (bool, error) {
	err := t.do(ctx, command, r)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return false, nil
	}
	return err == nil, err
}

// do runs a command on a rule. It waits for others that hold the lock for five
// seconds, as kube-proxy did.
func (t *tool) do(ctx context.Context, command string, r rule) error {
	args := append([]string{"-w", "5", command, r.chain, "-t", r.table}, r.args...)
	return said(ctx, exec.CommandContext(ctx, t.run, args...))
}

// said runs a program; its error has what it said.
func said(ctx context.Context, cmd *exec.Cmd) error {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(out.String()))
	}
	return nil
}
