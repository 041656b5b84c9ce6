package conformance

import (
	"context"
	"errors"
	"time"

	"github.com/svcmark/svcmark/backends/apiclient"
	"github.com/svcmark/svcmark/backends/kubeproxy"
)

// Real is a running kube-proxy, alone in a network namespace of its own.
type Real struct {
	*kubeproxy.Proxy
	mode Mode
	ns   *namespace
	told *Objects
}

// minSyncPeriod is shorter than kube-proxy's own, which only costs time.
const minSyncPeriod = 100 * time.Millisecond

// StartReal starts a kube-proxy for the Objects and waits for its first sync.
func StartReal(ctx context.Context, program string, m Mode, o *Objects) (_ *Real, err error) {
	state, err := o.State()
	if err != nil {
		return nil, err
	}
	r := &Real{mode: m, told: o}
	if r.ns, err = newNamespace(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Stop())
		}
	}()
	if err := r.ns.do(func() error { return SetUpNode(state.Node.Addrs) }); err != nil {
		return nil, err
	}
	c := kubeproxy.Config{
		Program: program, Mode: kubeproxy.Mode(m.proxyMode()), Iptables: m.variant(),
		MinSyncPeriod: minSyncPeriod, Enter: r.ns.do,
	}
	if r.Proxy, err = kubeproxy.Start(ctx, c, &o.Objects); err != nil {
		return nil, err
	}
	if err := r.Open(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Update makes the API server hold other Objects and waits until kube-proxy has
// taken in every change and synced after the last. The Node and what does not
// come from the API must be the same.
func (r *Real) Update(ctx context.Context, o *Objects) error {
	c := apiclient.Difference(&r.told.Objects, &o.Objects)
	r.told = o
	return r.Proxy.Update(ctx, c)
}

// Capture reads what kube-proxy has programmed.
func (r *Real) Capture(ctx context.Context) (text string, err error) {
	err = r.ns.do(func() error { text, err = Capture(ctx, r.mode); return err })
	return text, err
}

// Stop ends kube-proxy and takes its namespace away.
func (r *Real) Stop() error {
	var err error
	if r.Proxy != nil {
		err = r.Proxy.Stop()
	}
	return errors.Join(err, r.ns.close())
}
