package tc

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ebpf/table"
	"github.com/svcmark/svcmark/lab"
)

// site is addresses of a family.
type site struct {
	node, pod, outside netip.Addr
	vip, other         netip.AddrPort // of Services with the same endpoint
	endpoint           netip.AddrPort
	pods               netip.Prefix
}

func sites() []site {
	at := netip.MustParseAddrPort
	return []site{
		{
			netip.MustParseAddr("192.168.0.1"), netip.MustParseAddr("10.128.0.2"), netip.MustParseAddr("198.51.100.1"),
			at("10.96.0.1:80"), at("10.96.0.2:80"), at("10.160.0.1:8080"), netip.MustParsePrefix("10.128.0.0/9"),
		},
		{
			netip.MustParseAddr("fd00:1::1"), netip.MustParseAddr("fd00:10:128::2"), netip.MustParseAddr("3fff::1"),
			at("[fd00:10:96::1]:80"), at("[fd00:10:96::2]:80"), at("[fd00:10:128:4000::1]:8080"), netip.MustParsePrefix("fd00:10:128::/48"),
		},
	}
}

// state has two Services with a NodePort each, over a protocol.
func (s site) state(proto backends.Protocol, endpoints ...netip.AddrPort) *backends.State {
	state := &backends.State{Node: backends.Node{Name: "node-0", Addrs: []netip.Addr{s.node}, ClusterCIDRs: []netip.Prefix{s.pods}}}
	for i, vip := range []netip.AddrPort{s.vip, s.other} {
		p := backends.ServicePort{
			Namespace: "test", Name: fmt.Sprintf("svc-%d", i), Protocol: proto, ClusterIP: vip.Addr(), Port: vip.Port(), NodePort: uint16(30080 + i),
		}
		for _, e := range endpoints {
			p.Endpoints = append(p.Endpoints, backends.Endpoint{Addr: e})
		}
		backends.SortEndpoints(p.Endpoints)
		state.Services = append(state.Services, p)
	}
	return state
}

// bench runs a Backend's programs over packets that are given to them, with no link.
type bench struct {
	*testing.T
	*Backend
}

// newBench is nil on a kernel that cannot run the programs; the microVM's can.
func newBench(t *testing.T, c Choice) *bench {
	t.Helper()
	b := New(c)
	if err := b.prepare(); err != nil {
		if os.Getenv(lab.NodeEnv) == "vm" || !errors.Is(b.Probe(t.Context()), backends.ErrNotSupported) {
			t.Fatal(err)
		}
		t.Log(err)
		return nil
	}
	t.Cleanup(b.letGo)
	return &bench{t, b}
}

// sync leads the programs to a state, without a link to attach them to.
func (b *bench) sync(state *backends.State) *table.Tables {
	b.Helper()
	t, err := table.New(b.Context(), b.kind(), state, &b.ids)
	if err == nil {
		err = b.use(t, &state.Node)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.T.Cleanup(t.Close)
	return t
}

// run is what becomes of a frame that comes from a link, or that the node sends, and
// what the gate says of it.
func (b *bench) run(hook int, frame []byte) (int32, []byte) {
	b.Helper()
	out := make([]byte, len(frame)+256)
	o := &ebpf.RunOptions{Data: frame, DataOut: out}
	verdict, err := b.gates[hook].Run(o)
	if err != nil {
		b.Fatal(err)
	}
	return int32(verdict), o.DataOut
}

// comes is a frame as it goes on after it has come from a link.
func (b *bench) comes(frame []byte) []byte {
	b.Helper()
	_, was := b.run(in, frame)
	if len(was) != len(frame) {
		b.Fatalf("%d bytes became %d", len(frame), len(was))
	}
	rightSums(b.T, was)
	return was
}

// between checks where a frame comes from and goes to; an address without a port may
// have any but 0.
func (b *bench) between(frame []byte, src, dst netip.AddrPort) {
	b.Helper()
	a, z := ends(frame)
	alike := func(is, want netip.AddrPort) bool {
		return is == want || want.Port() == 0 && is.Addr() == want.Addr() && is.Port() != 0
	}
	if !alike(a, src) || !alike(z, dst) {
		b.Errorf("%s to %s, want %s to %s", a, z, src, dst)
	}
}
