// Package exec is any program that watches the Kubernetes API as a backend: its
// command line, with a kubeconfig for an API server of its own that tells it what a
// State is. Nothing is asked of the program but to program the kernel: when it has is
// judged by packets.
package exec

import (
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/apiclient"
)

// Options say which program is run, and how.
type Options struct {
	Name    string   // in errors
	Path    string   // of the program
	Args    []string // without the program itself
	Env     []string // beside PATH, HOME, KUBECONFIG and NODE_NAME
	Timeout time.Duration
	// Interval is the time between two packets that ask whether a Service is served,
	// and how long each waits for its answer.
	Interval time.Duration
	// Dir is where it has its files; "" is /run, which is the node's own.
	Dir string
}

// Backend is a program. It starts when it is prepared for a State, and runs until
// Cleanup.
type Backend struct {
	options  Options
	judge    backends.Judge
	complete func()

	feed    *apiclient.Feed
	process *apiclient.Process
	dir     string
	state   *backends.State // that it was prepared for, or has
	opened  bool            // it has its Services
}

var (
	_ backends.Applier  = (*Backend)(nil)
	_ backends.Preparer = (*Backend)(nil)
)

// New makes a Backend.
func New(o Options) *Backend {
	if o.Dir == "" {
		o.Dir = "/run"
	}
	return &Backend{options: o}
}

// JudgeBy gives the Backend who says what is served. Without a judge nothing can be
// synced.
func (b *Backend) JudgeBy(j backends.Judge) { b.judge = j }

// OnComplete has fn called when the last Service that was not served is. When Sync or
// Apply return, the last call was that of their own change.
func (b *Backend) OnComplete(fn func()) { b.complete = fn }

// Probe implements backends.Backend. What the program needs of the kernel it alone
// knows.
func (b *Backend) Probe(context.Context) error {
	if _, err := osexec.LookPath(b.options.Path); err != nil {
		return &backends.NotSupportedError{
			Feature: "the program of the backend " + b.options.Name, Err: err,
			Mend: "build it, or mend the command in the scenario",
		}
	}
	return nil
}

// Prepare starts the program and waits until it asks for Services or EndpointSlices,
// which it does not get yet.
func (b *Backend) Prepare(ctx context.Context, state *backends.State) error {
	if err := state.Check(); err != nil {
		return b.named(err)
	}
	if err := b.stop(0); err != nil {
		return b.named(err)
	}
	if err := b.start(ctx, state); err != nil {
		return b.failed(err)
	}
	b.state = state
	return nil
}

func (b *Backend) start(ctx context.Context, state *backends.State) (err error) {
	if b.feed, err = apiclient.NewFeed(nil); err != nil {
		return err
	}
	o := apiclient.ObjectsOf(state)
	if err := b.feed.Set(&o.Node); err != nil {
		return err
	}
	for i := range o.ServiceCIDRs {
		if err := b.feed.Set(&o.ServiceCIDRs[i]); err != nil {
			return err
		}
	}
	if err := b.feed.Push(ctx, apiclient.Difference(new(apiclient.Objects), o)); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp(b.options.Dir, b.options.Name+"-"); err != nil {
		return err
	}
	cmd, err := b.command(o.Node.Name)
	if err != nil {
		return err
	}
	if b.process, err = apiclient.StartProcess(b.options.Name, cmd, apiclient.NewLog(nil), nil); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-b.process.Ended():
		return b.process.Alive()
	case <-time.After(b.options.Timeout):
		return b.process.Explain(fmt.Errorf("it has not asked for Services or EndpointSlices within %s; does it read the kubeconfig that KUBECONFIG names?", b.options.Timeout))
	case <-b.feed.Asked():
		return nil
	}
}

// command is the program with what it needs to find the API server.
func (b *Backend) command(node string) (*osexec.Cmd, error) {
	kubeconfig := filepath.Join(b.dir, "kubeconfig")
	if err := os.WriteFile(kubeconfig, []byte(kubeconfigOf(b.feed.URL())), 0o600); err != nil {
		return nil, err
	}
	filled := strings.NewReplacer("${KUBECONFIG}", kubeconfig, "${NODE_NAME}", node)
	cmd := osexec.Command(b.options.Path)
	for _, a := range b.options.Args {
		cmd.Args = append(cmd.Args, filled.Replace(a))
	}
	cmd.Dir = b.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir, "KUBECONFIG=" + kubeconfig, "NODE_NAME=" + node}
	for _, v := range b.options.Env {
		cmd.Env = append(cmd.Env, filled.Replace(v))
	}
	return cmd, nil
}

// kubeconfigOf names an API server that asks nobody who they are.
func kubeconfigOf(url string) string {
	return `apiVersion: v1
kind: Config
current-context: node
contexts: [{name: node, context: {cluster: node, user: node}}]
users: [{name: node, user: {}}]
clusters: [{name: node, cluster: {server: "` + url + `"}}]
`
}

// Sync implements backends.Backend: it is the first sync of a program that has just
// started. What the one before left is not taken away, and nobody knows what it was.
func (b *Backend) Sync(ctx context.Context, state *backends.State) error {
	if b.process == nil || b.opened || b.state != state {
		if err := b.Prepare(ctx, state); err != nil {
			return err
		}
	}
	b.feed.Open()
	b.opened = true
	return b.failed(b.await(ctx, backends.Diff(&backends.State{Node: state.Node}, state).Changes))
}

// Apply implements backends.Applier.
func (b *Backend) Apply(ctx context.Context, d *backends.Delta) error {
	switch {
	case !b.opened:
		return b.named(errors.New("nothing was synced before"))
	case b.state != d.From && len(backends.Diff(b.state, d.From).Changes) > 0:
		return b.named(errors.New("the change does not lead from the last state"))
	case !d.SameNode():
		return b.named(errors.New("the node changed, which needs a full sync"))
	}
	if err := d.To.Check(); err != nil {
		return b.named(err)
	}
	change := apiclient.ChangeOf(d)
	change.Stamp(time.Now())
	if err := b.feed.Push(ctx, change); err != nil {
		return b.failed(err)
	}
	b.state = d.To
	return b.failed(b.await(ctx, d.Changes))
}

func (b *Backend) named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", b.options.Name, err)
}

// failed ends a program that cannot be gone on with.
func (b *Backend) failed(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(b.named(err), b.stop(0))
}

// grace is how long a program may take to clean up after itself.
const grace = 10 * time.Second

// Cleanup implements backends.Backend: the program is asked to end. What it leaves in
// the kernel goes with the lab.
func (b *Backend) Cleanup(context.Context) error { return b.named(b.stop(grace)) }

func (b *Backend) stop(grace time.Duration) error {
	process, feed, dir := b.process, b.feed, b.dir
	b.process, b.feed, b.dir, b.state, b.opened = nil, nil, "", nil, false
	var errs []error
	if process != nil {
		errs = append(errs, process.Stop(grace))
	}
	if feed != nil {
		errs = append(errs, feed.Close())
	}
	if dir != "" {
		errs = append(errs, os.RemoveAll(dir))
	}
	return errors.Join(errs...)
}

// Processes are the programs of the backend that run, by their number. What the
// program starts and leaves to itself is not among them.
func (b *Backend) Processes() []int {
	if b.process == nil {
		return nil
	}
	return []int{b.process.PID()}
}

// Alive is why the program does not run any more, nil while it does or never did.
func (b *Backend) Alive() error {
	if b.process == nil {
		return nil
	}
	return b.process.Alive()
}
