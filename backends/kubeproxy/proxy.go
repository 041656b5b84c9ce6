package kubeproxy

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
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/cluster/apiserver"
)

// Config says how a kube-proxy is run.
type Config struct {
	Program  string // its path
	Mode     Mode
	Iptables string // the variant that it finds as iptables: "iptables-legacy" or "iptables-nft"
	// MinSyncPeriod is kube-proxy's rest after a sync; 0 is its own default.
	MinSyncPeriod time.Duration
	// Terse has it say as little as can be while it syncs.
	Terse bool
	// Dir is where it has its files; "" is /run, which is the node's own and goes with
	// it, whatever ends that.
	Dir string
	// Enter runs a function in the network namespace that kube-proxy is to live in;
	// nil is this process's.
	Enter func(func() error) error
}

// Proxy is a running kube-proxy with an API server that tells it what there is.
type Proxy struct {
	config   Config
	families []backends.Family // that it has a proxier for
	store    *apiserver.Store
	gate     *gate
	// What kube-proxy's change trackers must have counted.
	serviceEvents, sliceEvents int
	server                     *http.Server
	cmd                        *exec.Cmd
	log                        *log
	client                     *http.Client
	dir                        string
	metrics                    string // the address where it serves its metrics
	ended                      chan error
}

// patience is how long kube-proxy may take to get ready, in the clock of the lab.
const patience = 2 * time.Minute

// Start starts a kube-proxy and waits until it knows everything of the Objects
// but Services and EndpointSlices. A machine that cannot run it gives an error
// with what it logged.
func Start(ctx context.Context, c Config, o *Objects) (*Proxy, error) {
	if c.Enter == nil {
		c.Enter = func(fn func() error) error { return fn() }
	}
	if c.Dir == "" {
		c.Dir = "/run"
	}
	p := &Proxy{config: c, store: apiserver.NewStore(0), log: newLog(), ended: make(chan error, 1)}
	if err := p.start(ctx, o); err != nil {
		return nil, errors.Join(p.explain(err), p.Stop())
	}
	return p, nil
}

func (p *Proxy) start(ctx context.Context, o *Objects) error {
	p.client = &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (c net.Conn, err error) {
			err = p.config.Enter(func() error { c, err = new(net.Dialer).DialContext(ctx, network, address); return err })
			return c, err
		},
	}}
	if err := p.config.Enter(func() (err error) { p.families, err = families(); return err }); err != nil {
		return err
	}
	// kube-proxy syncs first when it has Services and EndpointSlices. What it
	// learns of ServiceCIDRs may come later and does not lead to a sync: so those
	// two wait until it has everything else.
	p.gate = newGate(apiserver.Handler(p.store), apiserver.Services.Path(), apiserver.EndpointSlices.Path())
	if err := p.listen(); err != nil {
		return err
	}
	if err := p.publishFirst(o); err != nil {
		return err
	}
	if err := p.spawn(o); err != nil {
		return err
	}
	if err := p.introduce(ctx, &o.Node); err != nil {
		return err
	}
	// The handler of ServiceCIDRs is called once for each and once after the last
	// (pkg/proxy/config/config.go).
	if err := p.until(ctx, patience, func(bool) (bool, error) { return p.log.count(saidServiceCIDRs) > len(o.ServiceCIDRs), nil }); err != nil {
		return fmt.Errorf("waiting until kube-proxy knows the ServiceCIDRs: %w", err)
	}
	if p.config.Terse && p.config.Mode.terse() != verbose {
		if err := p.setVerbosity(ctx, p.config.Mode.terse()); err != nil {
			return err
		}
	}
	return p.encode(ctx)
}

// families are those for which kube-proxy has a proxier in the calling thread's
// network namespace: IPv4 always, and IPv6 where the kernel has it and it is not
// switched off (platformCheckSupported in cmd/kube-proxy/app/server_linux.go).
func families() ([]backends.Family, error) {
	if _, err := os.Stat("/proc/net/if_inet6"); err != nil {
		return []backends.Family{backends.IPv4}, nil
	}
	off, err := os.ReadFile("/proc/sys/net/ipv6/conf/all/disable_ipv6")
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(string(off)) == "1" {
		return []backends.Family{backends.IPv4}, nil
	}
	return backends.Families(), nil
}

// Open lets kube-proxy have its Services and EndpointSlices and waits for its first
// sync.
func (p *Proxy) Open(ctx context.Context) error {
	if err := p.sync(ctx, func() error { p.gate.open(); return nil }); err != nil {
		return p.explain(fmt.Errorf("waiting for the first sync: %w", err))
	}
	return nil
}

// OnComplete has fn called whenever kube-proxy says that a sync is complete, while
// its next line waits; nil has nothing called.
func (p *Proxy) OnComplete(fn func()) { p.log.onComplete(fn) }

// PID is the process's number.
func (p *Proxy) PID() int { return p.cmd.Process.Pid }

// Alive is why kube-proxy does not run any more, nil while it does.
func (p *Proxy) Alive() error {
	select {
	case err := <-p.ended:
		p.ended <- err
		return p.explain(endOf(err))
	default:
		return nil
	}
}

// endOf says how the program ended.
func endOf(err error) error {
	if err == nil {
		return errors.New("kube-proxy ended by itself")
	}
	return fmt.Errorf("kube-proxy ended: %w", err)
}

// listen serves the API.
func (p *Proxy) listen() error {
	var l net.Listener
	err := p.config.Enter(func() (err error) { l, err = net.Listen("tcp", "127.0.0.1:0"); return err })
	if err != nil {
		return err
	}
	p.server = &http.Server{Handler: p.gate, Addr: l.Addr().String(), ReadHeaderTimeout: patience}
	go func() { _ = p.server.Serve(l) }() // it ends with ErrServerClosed
	return nil
}

// freeAddress is one on which nobody listens.
func (p *Proxy) freeAddress() (address string, err error) {
	err = p.config.Enter(func() error {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		address = l.Addr().String()
		return l.Close()
	})
	return address, err
}

// spawn starts the program with the tools of the variant of iptables.
func (p *Proxy) spawn(o *Objects) (err error) {
	if p.dir, err = os.MkdirTemp(p.config.Dir, "kube-proxy-"); err != nil {
		return err
	}
	if err := linkTools(p.dir, p.config.Iptables); err != nil {
		return err
	}
	healthz := ""
	for _, address := range []*string{&p.metrics, &healthz} {
		if *address, err = p.freeAddress(); err != nil {
			return err
		}
	}
	config := filepath.Join(p.dir, "config.yaml")
	if err := os.WriteFile(config, []byte(p.config.configuration(o.ClusterCIDR, p.metrics, healthz)), 0o600); err != nil {
		return err
	}
	p.cmd = exec.Command(p.config.Program, "--config="+config, "--master=http://"+p.server.Addr, "--hostname-override="+o.Node.Name)
	p.cmd.Env = environment(p.dir)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its children go with it
	if err := p.config.Enter(p.cmd.Start); err != nil {
		return fmt.Errorf("starting %s: %w", p.config.Program, err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	return nil
}

// Stop ends kube-proxy and the tools that it is running.
func (p *Proxy) Stop() error {
	var errs []error
	if p.cmd != nil && p.cmd.Process != nil {
		_ = syscall.Kill(-p.PID(), syscall.SIGKILL) // it may have ended by itself
		ended := <-p.ended                          // it was killed by us, so that its status says no more
		if exit := (*exec.ExitError)(nil); ended != nil && !errors.As(ended, &exit) {
			errs = append(errs, ended)
		}
	}
	if p.server != nil {
		errs = append(errs, p.server.Close())
	}
	if p.dir != "" {
		errs = append(errs, os.RemoveAll(p.dir))
	}
	return errors.Join(errs...)
}

// explain adds the end of kube-proxy's log to an error.
func (p *Proxy) explain(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w\n  | %s", err, strings.Join(p.log.end(), "\n  | "))
}

// until waits for a condition, which is asked again whenever kube-proxy says
// something, and, with late set, from time to time.
func (p *Proxy) until(ctx context.Context, patience time.Duration, holds func(late bool) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("nothing for %s", patience))
	defer cancel()
	late := false
	for {
		said := p.log.next()
		ok, err := holds(late)
		if ok || err != nil {
			return err
		}
		late = false
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-p.ended:
			p.ended <- err
			return endOf(err)
		case <-said:
		case <-time.After(time.Second):
			late = true
		}
	}
}

// introduce gives kube-proxy its Node's labels when it is ready for them. It may
// miss those that the Node has from the beginning: the informer of Nodes runs
// before the handler that tells the proxiers is told of them (NodeTopologyConfig
// in cmd/kube-proxy/app/server.go), and then it knows no zone until that changes.
func (p *Proxy) introduce(ctx context.Context, n *corev1.Node) error {
	if err := p.until(ctx, patience, func(bool) (bool, error) { return p.log.count(saidNodeSynced) > 0, nil }); err != nil {
		return fmt.Errorf("waiting until kube-proxy has its Node: %w", err)
	}
	if err := p.store.Set(n); err != nil {
		return err
	}
	if _, zoned := n.Labels[corev1.LabelTopologyZone]; !zoned {
		return nil
	}
	knows := func(bool) (bool, error) { return p.log.count(saidTopology) >= len(p.families), nil }
	if err := p.until(ctx, patience, knows); err != nil {
		return fmt.Errorf("waiting until kube-proxy knows its zone: %w", err)
	}
	return nil
}
