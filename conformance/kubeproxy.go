package conformance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/cluster/apiserver"
)

// Real is a running kube-proxy, alone in a network namespace of its own, with an
// API server that tells it what there is.
type Real struct {
	mode Mode
	// families are those that kube-proxy has a proxier for: IPv4 always, and
	// IPv6 where the kernel has it (platformCheckSupported in
	// cmd/kube-proxy/app/server_linux.go).
	families []backends.Family
	ns       *namespace
	store    *apiserver.Store
	told     *Objects // what the store holds
	// What kube-proxy's change trackers must have counted.
	serviceEvents, sliceEvents int
	server                     *http.Server
	cmd                        *exec.Cmd
	log                        *log
	metrics                    *http.Client
	dir                        string
	ended                      chan error
}

// patience is how long kube-proxy may take for one thing, in the clock of the lab.
const patience = 2 * time.Minute

// StartReal starts a kube-proxy for the Objects and waits for its first sync. A
// kernel or a machine that cannot run it gives an error with what it logged.
func StartReal(ctx context.Context, program string, m Mode, o *Objects) (*Real, error) {
	r := &Real{mode: m, store: apiserver.NewStore(0), log: newLog(), ended: make(chan error, 1)}
	err := r.start(ctx, program, o)
	if err != nil {
		return nil, errors.Join(r.explain(err), r.Stop())
	}
	return r, nil
}

func (r *Real) start(ctx context.Context, program string, o *Objects) error {
	state, err := o.State()
	if err != nil {
		return err
	}
	r.families = []backends.Family{backends.IPv4}
	if state.Node.Addr(backends.IPv6).IsValid() {
		r.families = backends.Families()
	}
	if r.ns, err = newNamespace(); err != nil {
		return err
	}
	if err := r.ns.do(func() error { return SetUpNode(state.Node.Addrs) }); err != nil {
		return err
	}
	r.metrics = &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (c net.Conn, err error) {
			err = r.ns.do(func() error { c, err = new(net.Dialer).DialContext(ctx, network, address); return err })
			return c, err
		},
	}}
	services := newGate(apiserver.Handler(r.store), apiserver.Services.Path())
	if err := r.listen(services); err != nil {
		return err
	}
	if err := r.publish(o); err != nil {
		return err
	}
	if err := r.spawn(program, o); err != nil {
		return err
	}
	if err := r.introduce(ctx, &o.Node); err != nil {
		return err
	}
	// kube-proxy syncs first when it has Services and EndpointSlices. What it
	// learns of ServiceCIDRs may come later and does not lead to a sync: so
	// Services wait until it has those. Their handler is called once for each
	// and once after the last (pkg/proxy/config/config.go).
	if err := r.until(ctx, func() (bool, error) { return r.log.count(saidServiceCIDRs) > len(o.ServiceCIDRs), nil }); err != nil {
		return fmt.Errorf("waiting until kube-proxy knows the ServiceCIDRs: %w", err)
	}
	services.open()
	if err := r.until(ctx, r.synced); err != nil {
		return fmt.Errorf("waiting for the first sync: %w", err)
	}
	return nil
}

// listen serves the API inside the namespace.
func (r *Real) listen(h http.Handler) error {
	var l net.Listener
	err := r.ns.do(func() (err error) { l, err = net.Listen("tcp", "127.0.0.1:0"); return err })
	if err != nil {
		return err
	}
	r.server = &http.Server{Handler: h, Addr: l.Addr().String(), ReadHeaderTimeout: patience}
	go func() { _ = r.server.Serve(l) }() // it ends with ErrServerClosed
	return nil
}

// spawn starts the program with the tools of the mode's variant of iptables.
func (r *Real) spawn(program string, o *Objects) (err error) {
	if r.dir, err = os.MkdirTemp("", "kube-proxy-"); err != nil {
		return err
	}
	if err := r.linkTools(); err != nil {
		return err
	}
	config := filepath.Join(r.dir, "config.yaml")
	if err := os.WriteFile(config, []byte(configuration(r.mode, o.ClusterCIDR)), 0o600); err != nil {
		return err
	}
	r.cmd = exec.Command(program, "--config="+config, "--master=http://"+r.server.Addr, "--hostname-override="+o.Node.Name)
	r.cmd.Env = append(os.Environ(), "PATH="+r.dir+":"+os.Getenv("PATH"))
	r.cmd.Stdout, r.cmd.Stderr = r.log, r.log
	if err := r.ns.do(r.cmd.Start); err != nil {
		return fmt.Errorf("starting %s: %w", program, err)
	}
	go func() { r.ended <- r.cmd.Wait() }()
	return nil
}

// linkTools makes the variant's tools those that kube-proxy finds as iptables.
func (r *Real) linkTools() error {
	for _, family := range []string{"iptables", "ip6tables"} {
		for _, suffix := range []string{"", "-save", "-restore"} {
			tool := family + strings.TrimPrefix(r.mode.variant(), "iptables") + suffix
			path, err := exec.LookPath(tool)
			if err != nil {
				return err
			}
			if path, err = filepath.EvalSymlinks(path); err != nil {
				return err
			}
			if err := os.Symlink(path, filepath.Join(r.dir, family+suffix)); err != nil {
				return err
			}
		}
	}
	return nil
}

// configuration is kube-proxy's defaults, but for the clusterCIDR, knobs that a
// network namespace has not, and pauses that only cost time.
func configuration(m Mode, clusterCIDR string) string {
	return fmt.Sprintf(`apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: %s
clusterCIDR: %q
clientConnection: {qps: 1000, burst: 1000}
conntrack: {maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
oomScoreAdj: 0
iptables: {minSyncPeriod: 100ms}
ipvs: {minSyncPeriod: 100ms, syncPeriod: 1h}
nftables: {minSyncPeriod: 100ms}
logging: {verbosity: 4}
`, m.proxyMode(), clusterCIDR)
}

// Capture reads what kube-proxy has programmed.
func (r *Real) Capture(ctx context.Context) (text string, err error) {
	err = r.ns.do(func() error { text, err = Capture(ctx, r.mode); return err })
	return text, r.explain(err)
}

// Stop ends kube-proxy and takes its namespace away.
func (r *Real) Stop() error {
	var errs []error
	if r.cmd != nil && r.cmd.Process != nil {
		_ = r.cmd.Process.Signal(syscall.SIGKILL) // it may have ended by itself
		ended := <-r.ended                        // it was killed by us, so that its status says no more
		if exit := (*exec.ExitError)(nil); ended != nil && !errors.As(ended, &exit) {
			errs = append(errs, ended)
		}
	}
	if r.server != nil {
		errs = append(errs, r.server.Close())
	}
	if r.ns != nil {
		errs = append(errs, r.ns.close())
	}
	if r.dir != "" {
		errs = append(errs, os.RemoveAll(r.dir))
	}
	return errors.Join(errs...)
}

// explain adds the end of kube-proxy's log to an error.
func (r *Real) explain(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w\n  | %s", err, strings.Join(r.log.end(), "\n  | "))
}

// until waits for a condition, which is asked again whenever kube-proxy says
// something, and from time to time.
func (r *Real) until(ctx context.Context, holds func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("nothing for %s", patience))
	defer cancel()
	for {
		said := r.log.next()
		ok, err := holds()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-r.ended:
			r.ended <- err
			return fmt.Errorf("kube-proxy ended: %w", err)
		case <-said:
		case <-time.After(time.Second):
		}
	}
}

// introduce gives kube-proxy its Node's labels when it is ready for them. It may
// miss those that the Node has from the beginning: the informer of Nodes runs
// before the handler that tells the proxiers is told of them (NodeTopologyConfig
// in cmd/kube-proxy/app/server.go), and then it knows no zone until that changes.
func (r *Real) introduce(ctx context.Context, n *corev1.Node) error {
	if err := r.until(ctx, func() (bool, error) { return r.log.count(saidNodeSynced) > 0, nil }); err != nil {
		return fmt.Errorf("waiting until kube-proxy has its Node: %w", err)
	}
	if err := r.store.Set(n); err != nil {
		return err
	}
	if _, zoned := n.Labels[corev1.LabelTopologyZone]; !zoned {
		return nil
	}
	if err := r.until(ctx, func() (bool, error) { return r.log.count(saidTopology) >= len(r.families), nil }); err != nil {
		return fmt.Errorf("waiting until kube-proxy knows its zone: %w", err)
	}
	return nil
}

// gate holds requests for a path, or below it, until it is opened.
type gate struct {
	http.Handler
	path   string
	opened chan struct{}
	once   sync.Once
}

func newGate(h http.Handler, path string) *gate {
	return &gate{Handler: h, path: path, opened: make(chan struct{})}
}

func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, g.path) {
		select {
		case <-g.opened:
		case <-r.Context().Done():
			return
		}
	}
	g.Handler.ServeHTTP(w, r)
}
