package userspace

import (
	"context"

	"github.com/svcmark/svcmark/backends"
)

// proxy is what the process does.
type proxy struct {
	proxiers [2]*proxier // in the order of backends.Families
}

// newProxy makes a proxy that serves nothing; fail is called when it cannot go on.
func newProxy(fail func(error)) *proxy {
	p := &proxy{}
	for i, f := range backends.Families() {
		p.proxiers[i] = newProxier(f, fail)
	}
	return p
}

// serve does what a request asks for.
func (p *proxy) serve(ctx context.Context, r *request) error {
	for _, x := range p.proxiers {
		var err error
		switch {
		case r.State != nil:
			err = x.sync(ctx, r.State)
		case x.tool != nil: // the family is programmed
			var own []change
			for _, c := range r.Changes {
				if c.Key.Family == x.family {
					own = append(own, c)
				}
			}
			err = x.apply(ctx, own)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *proxy) close() {
	for _, x := range p.proxiers {
		x.close()
	}
}
