package nftables

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/svcmark/svcmark/backends"
)

// tool is the program nft, by path.
type tool string

func findTool() (tool, error) {
	path, err := exec.LookPath("nft")
	if err != nil {
		return "", errTool(err)
	}
	return tool(path), nil
}

func errTool(err error) error {
	return &backends.NotSupportedError{Feature: "the tool nft, version 1.0.1 or later", Mend: "apt-get install nftables", Err: err}
}

// command is nft reading commands from its standard input.
func (t tool) command(ctx context.Context, input []byte) *exec.Cmd {
	cmd := exec.CommandContext(ctx, string(t), "-f", "-")
	cmd.Stdin = bytes.NewReader(input)
	return cmd
}

// run has nft carry out a script: all of it, or nothing.
func (t tool) run(ctx context.Context, s *script) error {
	if len(s.b) == 0 {
		return nil
	}
	return do(ctx, t.command(ctx, s.b))
}

// refused is a script that nft or the kernel refused.
type refused struct {
	said string
	err  error
}

func (r *refused) Error() string { return fmt.Sprintf("nft: %v: %s", r.err, r.said) }
func (r *refused) Unwrap() error { return r.err }

// saidSize keeps the first errors of a script; each comes with its line.
const saidSize = 4 << 10

// do runs nft to its end.
func do(ctx context.Context, cmd *exec.Cmd) error {
	var said bytes.Buffer
	cmd.Stderr = &said
	err := cmd.Run()
	switch exit := (*exec.ExitError)(nil); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("nft was stopped: %w", ctx.Err())
	case errors.As(err, &exit):
		text := said.Bytes()
		return &refused{strings.Join(strings.Fields(string(text[:min(len(text), saidSize)])), " "), err}
	default:
		return fmt.Errorf("running nft: %w", err)
	}
}

// list gives a family's table as JSON, without what its sets and maps hold; nil
// when there is none.
func (t tool) list(ctx context.Context, f *family) ([]byte, error) {
	cmd := exec.CommandContext(ctx, string(t), "--json", "--terse", "list", "table", f.ip, tableName)
	var out bytes.Buffer
	cmd.Stdout = &out
	err := do(ctx, cmd)
	if r := (*refused)(nil); errors.As(err, &r) && strings.Contains(r.said, "No such file or directory") {
		return nil, nil
	}
	return out.Bytes(), err
}
