package ipvs

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// runner runs a program with an input and gives its output. Its error holds
// what the program said.
type runner func(ctx context.Context, stdin []byte, name string, args ...string) ([]byte, error)

func runProgram(ctx context.Context, stdin []byte, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(stdin), &said
	out, err := cmd.Output()
	if err == nil {
		return out, nil
	}
	if ctx.Err() != nil {
		return out, fmt.Errorf("%s: %w", name, ctx.Err())
	}
	if s := strings.TrimSpace(said.String()); s != "" {
		err = fmt.Errorf("%w: %s", err, s)
	}
	return out, fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
}
