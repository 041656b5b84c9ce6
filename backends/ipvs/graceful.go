package ipvs

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// leaving are the real servers that lost their place while they had connections:
// they have the weight 0, which keeps new ones away. kube-proxy remembers them
// likewise (graceful_termination.go), and forgets them when it starts again.
type leaving map[vip][]dest

// retired are real servers of one virtual server that must go.
type retired struct {
	vip
	dests []dest
}

func (l leaving) has(v vip, d dest) bool { return slices.Contains(l[v], d) }

func (l leaving) add(v vip, d dest) {
	if !l.has(v, d) {
		l[v] = append(l[v], d)
	}
}

// drop forgets a real server, and says whether it was there.
func (l leaving) drop(v vip, d dest) bool {
	i := slices.Index(l[v], d)
	if i < 0 {
		return false
	}
	l[v] = slices.Delete(l[v], i, i+1)
	if len(l[v]) == 0 {
		delete(l, v)
	}
	return true
}

// keep forgets those of a family whose virtual server is not there.
func (l leaving) keep(family uint8, there map[vip]*virtualServer) {
	for v := range l {
		if v.family == family && there[v] == nil {
			delete(l, v)
		}
	}
}

func (d dest) compare(e dest) int {
	return cmp.Or(bytes.Compare(d.raw[:], e.raw[:]), cmp.Compare(d.port, e.port))
}

// graceful says whether a protocol's real servers wait for their connections to
// end. UDP's and SCTP's go at once: expire_nodest_conn ends their connections
// with the next packet (IsRsGracefulTerminationNeeded in kube-proxy's
// util/ipvs.go).
func graceful(proto uint8) bool { return proto == unix.IPPROTO_TCP }

// retire removes real servers, but those that have connections and are to wait
// for their end: they get the weight 0. It sends what was put before.
func (b *Backend) retire(k *kernel, gone []retired) error {
	if err := k.ipvs.Flush(); err != nil {
		return name(err, ipvsObject)
	}
	busy := make(map[vip]map[dest]realServer)
	for _, r := range gone {
		if !graceful(r.proto) {
			continue
		}
		have, err := k.realServers(r.vip)
		if err != nil {
			return fmt.Errorf("reading the real servers of %v: %w", r.vip, err)
		}
		busy[r.vip] = have
	}
	for _, r := range gone {
		for _, d := range r.dests {
			cmd := uint8(cmdDelDest)
			if graceful(r.proto) && busy[r.vip][d].connections > 0 {
				cmd = cmdSetDest
				b.leaving.add(r.vip, d)
			}
			if err := k.putRealServer(cmd, r.vip, d, 0); err != nil {
				return name(err, ipvsObject)
			}
		}
	}
	return name(k.ipvs.Flush(), ipvsObject)
}

// Settle deletes the real servers whose connections have ended, as kube-proxy
// does every minute, and says how many wait on.
func (b *Backend) Settle(ctx context.Context) (waiting int, err error) {
	if err := ctx.Err(); err != nil || len(b.leaving) == 0 {
		return b.leaving.count(), err
	}
	if err := b.settle(ctx); err != nil {
		return b.leaving.count(), fmt.Errorf("ipvs: settling: %w", err)
	}
	return b.leaving.count(), nil
}

func (l leaving) count() (n int) {
	for _, dests := range l {
		n += len(dests)
	}
	return n
}

func (b *Backend) settle(ctx context.Context) error {
	k, err := openKernel()
	if err != nil {
		return err
	}
	defer k.close()
	if k.family == 0 {
		return b.noIPVS()
	}
	var ended []retired
	for v, dests := range b.leaving {
		if err := ctx.Err(); err != nil {
			return err
		}
		have, err := k.realServers(v)
		if err != nil {
			return fmt.Errorf("reading the real servers of %v: %w", v, err)
		}
		for _, d := range slices.Clone(dests) {
			switch r, there := have[d]; {
			case !there: // somebody else removed it
				b.leaving.drop(v, d)
			case r.connections == 0:
				ended = append(ended, retired{v, []dest{d}})
			}
		}
	}
	for _, r := range ended {
		b.leaving.drop(r.vip, r.dests[0])
		if err := k.putRealServer(cmdDelDest, r.vip, r.dests[0], 0); err != nil {
			return name(err, ipvsObject)
		}
	}
	return name(k.ipvs.Flush(), ipvsObject)
}
