package kubeproxy

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/iptables"
	"github.com/svcmark/svcmark/backends/ipvs"
	"github.com/svcmark/svcmark/backends/nftables"
)

// mend is how to get a kube-proxy.
const mend = "make kube-proxy builds one, or name yours with --kube-proxy PATH"

// Probe implements backends.Backend. kube-proxy needs of the kernel and of the tools
// what the built-in backend of its mode needs.
func (b *Backend) Probe(ctx context.Context) error {
	if _, err := b.Version(ctx); err != nil {
		return err
	}
	return b.alike().Probe(ctx)
}

// Objects counts what is in the kernel, as the built-in backend of the mode does:
// both make the same.
func (b *Backend) Objects(ctx context.Context) (map[string]int, error) {
	return b.alike().Objects(ctx)
}

// builtin is a built-in backend.
type builtin interface {
	backends.Backend
	Objects(ctx context.Context) (map[string]int, error)
}

// alike is the built-in backend that programs what kube-proxy does in the mode.
func (b *Backend) alike() builtin {
	switch b.options.Mode {
	case IPVS:
		return ipvs.New(ipvs.Options{Iptables: b.options.Iptables})
	case NFTables:
		return nftables.New(nftables.Layout136)
	default:
		return iptables.New(iptables.Variant(b.options.Iptables))
	}
}

// versionPatience is how long a program may take to tell its version, in the clock
// of the lab.
const versionPatience = 30 * time.Second

// Version is what the program says it is: "v1.36.3". A program that is no
// kube-proxy is a *backends.NotSupportedError.
func (b *Backend) Version(ctx context.Context) (string, error) {
	feature := "kube-proxy"
	if b.options.Program != "" {
		feature = "a kube-proxy at " + b.options.Program
	}
	missing := func(err error) error {
		return &backends.NotSupportedError{Feature: feature, Mend: mend, Err: err}
	}
	if b.options.Program == "" {
		return "", missing(nil)
	}
	patience := versionPatience
	if p := b.options.Patience; p > 0 {
		patience = min(patience, p)
	}
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(soon, b.options.Program, "--version")
	cmd.WaitDelay = time.Second // its children may hold its output open
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if soon.Err() != nil {
		return "", missing(fmt.Errorf("--version says nothing within %s", patience))
	}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", missing(fmt.Errorf("--version ends with %w: %s", err, firstLine(exit.Stderr)))
	}
	if err != nil {
		return "", missing(err)
	}
	version, ok := strings.CutPrefix(firstLine(out), "Kubernetes ")
	if !ok {
		return "", missing(fmt.Errorf("--version says %q and not %q", firstLine(out), "Kubernetes v…"))
	}
	return version, nil
}

// firstLine is the first line, and no more of it than an error can show.
func firstLine(text []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	const most = 120
	return line[:min(len(line), most)]
}
