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
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/apiclient"
)

// Config says how a kube-proxy is run.
type Config struct {
	Program  string // its path
	Mode     Mode
	Iptables string // the variant that it finds as iptables: "iptables-legacy" or "iptables-nft"
	// Flags are further flags, which CheckFlags must accept.
	Flags []string
	// Configuration is a KubeProxyConfiguration, which CheckConfiguration must accept;
	// "" is kube-proxy's defaults.
	Configuration string
	// MinSyncPeriod is kube-proxy's rest after a sync; 0 is its own default.
	MinSyncPeriod time.Duration
	// Terse has it say as little as can be while it syncs.
	Terse bool
	// Patience is how long it may take to get ready, in the clock of the lab; 0 is two
	// minutes.
	Patience time.Duration
	// Dir is where it has its files; "" is /run, which is the node's own and goes with
	// it, whatever ends that.
	Dir string
	// Enter runs a function in the network namespace that kube-proxy is to live in;
	// nil is this process's.
	Enter apiclient.Enter
}

// Proxy is a running kube-proxy with an API server that tells it what there is.
type Proxy struct {
	config   Config
	families []backends.Family // that it has a proxier for
	feed     *apiclient.Feed
	// What kube-proxy's change trackers must have counted.
	serviceEvents, sliceEvents int
	process                    *apiclient.Process // nil until it is started
	said                       *said
	client                     *http.Client
	dir                        string
	metrics                    string // the address where it serves its metrics
}

// defaultPatience is Config's.
const defaultPatience = 2 * time.Minute

// Start starts a kube-proxy and waits until it knows everything of the Objects
// but Services and EndpointSlices. A machine that cannot run it gives an error
// with what it logged.
func Start(ctx context.Context, c Config, o *apiclient.Objects) (*Proxy, error) {
	if c.Dir == "" {
		c.Dir = "/run"
	}
	if c.Patience == 0 {
		c.Patience = defaultPatience
	}
	p := &Proxy{config: c, said: newSaid()}
	if err := p.start(ctx, o); err != nil {
		return nil, errors.Join(p.explain(err), p.Stop())
	}
	return p, nil
}

func (p *Proxy) start(ctx context.Context, o *apiclient.Objects) (err error) {
	p.client = &http.Client{Timeout: p.config.Patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (c net.Conn, err error) {
			err = p.config.Enter.Do(func() error { c, err = new(net.Dialer).DialContext(ctx, network, address); return err })
			return c, err
		},
	}}
	if err := p.config.Enter.Do(func() (err error) { p.families, err = families(); return err }); err != nil {
		return err
	}
	// kube-proxy syncs first when it has Services and EndpointSlices. What it
	// learns of ServiceCIDRs may come later and does not lead to a sync: so those
	// two wait until it has everything else.
	if p.feed, err = apiclient.NewFeed(p.config.Enter); err != nil {
		return err
	}
	if err := p.publishFirst(ctx, o); err != nil {
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
	if err := p.until(ctx, p.config.Patience, func(bool) (bool, error) { return p.said.count(saidServiceCIDRs) > len(o.ServiceCIDRs), nil }); err != nil {
		return fmt.Errorf("waiting until kube-proxy knows the ServiceCIDRs: %w", err)
	}
	if p.config.Terse && p.config.Mode.terse() != verbose {
		if err := p.setVerbosity(ctx, p.config.Mode.terse()); err != nil {
			return err
		}
	}
	return p.feed.Encode(ctx, "application/vnd.kubernetes.protobuf")
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
	if err := p.sync(ctx, func() error { p.feed.Open(); return nil }); err != nil {
		return p.explain(fmt.Errorf("waiting for the first sync: %w", err))
	}
	return nil
}

// OnComplete has fn called whenever kube-proxy says that a sync is complete, while
// its next line waits; nil has nothing called.
func (p *Proxy) OnComplete(fn func()) { p.said.onComplete(fn) }

// PID is the process's number.
func (p *Proxy) PID() int { return p.process.PID() }

// Alive is why kube-proxy does not run any more, nil while it does.
func (p *Proxy) Alive() error { return p.process.Alive() }

// freeAddresses are different ones on which nobody listens. All are taken before the
// first is let go: the kernel may give what was let go to the next who asks.
func (p *Proxy) freeAddresses(addresses ...*string) error {
	return p.config.Enter.Do(func() error {
		for _, address := range addresses {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			defer func() { _ = l.Close() }() // which nobody has dialed
			*address = l.Addr().String()
		}
		return nil
	})
}

// spawn starts the program with the tools of the variant of iptables.
func (p *Proxy) spawn(o *apiclient.Objects) (err error) {
	if p.dir, err = os.MkdirTemp(p.config.Dir, "kube-proxy-"); err != nil {
		return err
	}
	if err := linkTools(p.dir, p.config.Iptables); err != nil {
		return err
	}
	healthz := ""
	if err := p.freeAddresses(&p.metrics, &healthz); err != nil {
		return err
	}
	configuration, err := p.config.configuration(o.ClusterCIDR, p.metrics, healthz)
	if err != nil {
		return err
	}
	config := filepath.Join(p.dir, "config.yaml")
	if err := os.WriteFile(config, configuration, 0o600); err != nil {
		return err
	}
	args := append([]string{"--config=" + config, "--master=" + p.feed.URL(), "--hostname-override=" + o.Node.Name}, p.config.Flags...)
	cmd := exec.Command(p.config.Program, args...)
	cmd.Env = environment(p.dir)
	p.process, err = apiclient.StartProcess("kube-proxy", cmd, apiclient.NewLog(p.said.lines), p.config.Enter)
	return err
}

// Stop ends kube-proxy and the tools that it is running.
func (p *Proxy) Stop() error {
	var errs []error
	if p.process != nil {
		errs = append(errs, p.process.Stop(0)) // what it would do before it ends is for nobody
	}
	if p.feed != nil {
		errs = append(errs, p.feed.Close())
	}
	if p.dir != "" {
		errs = append(errs, os.RemoveAll(p.dir))
	}
	return errors.Join(errs...)
}

// explain adds the end of kube-proxy's log to an error.
func (p *Proxy) explain(err error) error {
	if p.process == nil {
		return err
	}
	return p.process.Explain(err)
}

// until waits for a condition, which is asked again whenever kube-proxy says
// something, and, with late set, from time to time.
func (p *Proxy) until(ctx context.Context, patience time.Duration, holds func(late bool) (bool, error)) error {
	return p.process.Until(ctx, patience, time.Second, holds)
}

// introduce gives kube-proxy its Node's labels when it is ready for them. It may
// miss those that the Node has from the beginning: the informer of Nodes runs
// before the handler that tells the proxiers is told of them (NodeTopologyConfig
// in cmd/kube-proxy/app/server.go), and then it knows no zone until that changes.
func (p *Proxy) introduce(ctx context.Context, n *corev1.Node) error {
	if err := p.until(ctx, p.config.Patience, func(bool) (bool, error) { return p.said.count(saidNodeSynced) > 0, nil }); err != nil {
		return fmt.Errorf("waiting until kube-proxy has its Node: %w", err)
	}
	if err := p.feed.Set(n); err != nil {
		return err
	}
	if _, zoned := n.Labels[corev1.LabelTopologyZone]; !zoned {
		return nil
	}
	knows := func(bool) (bool, error) { return p.said.count(saidTopology) >= len(p.families), nil }
	if err := p.until(ctx, p.config.Patience, knows); err != nil {
		return fmt.Errorf("waiting until kube-proxy knows its zone: %w", err)
	}
	return nil
}
