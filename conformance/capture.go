package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// section is one part of a capture: what was asked, and the answer, normalised.
type section struct {
	name  string
	lines []string
}

// Capture reads what kube-proxy's mode, or the backend that is to equal it, has
// left in the calling thread's network namespace, normalised as
// docs/conformance.md tells and no further.
func Capture(ctx context.Context, m Mode) (string, error) {
	var sections []section
	var err error
	switch m {
	case IPTablesLegacy, IPTablesNFT:
		sections, err = captureIPTables(ctx, m.variant())
		if err == nil {
			sections, err = appendSysctls(sections, "net/ipv4/conf/all/route_localnet")
		}
	case IPVS:
		sections, err = captureIPVS(ctx, m.variant())
	case NFTables:
		sections, err = captureNFTables(ctx)
	default:
		err = fmt.Errorf("no such mode: %q", m)
	}
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, s := range sections {
		fmt.Fprintf(&b, "# %s\n", s.name)
		for _, line := range s.lines {
			b.WriteString(line + "\n")
		}
	}
	return b.String(), nil
}

// appendSysctls adds what kube-proxy sets besides rules.
func appendSysctls(sections []section, names ...string) ([]section, error) {
	s := section{name: "sysctl"}
	for _, name := range names {
		value, err := os.ReadFile(filepath.Join("/proc/sys", name))
		if errors.Is(err, fs.ErrNotExist) {
			value, err = []byte("absent"), nil
		}
		if err != nil {
			return nil, err
		}
		s.lines = append(s.lines, name+" = "+strings.TrimSpace(string(value)))
	}
	return append(sections, s), nil
}

// run gives what a program prints.
func run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(said.String()))
	}
	return out.String(), nil
}
