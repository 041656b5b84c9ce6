package ipvs

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ipvs/nlbatch"
)

// recorder keeps what is sent and acknowledges nothing.
type recorder struct{ sent []byte }

func (r *recorder) Send(b []byte) error      { r.sent = append(r.sent, b...); return nil }
func (r *recorder) Recv([]byte) (int, error) { return 0, unix.EAGAIN }
func (r *recorder) Close() error             { return nil }

// recorded is the one request that put adds, with the flags of a batch's last.
func recorded(put func(k *kernel) error) []byte {
	var r recorder
	c := nlbatch.New(&r)
	k := &kernel{ipvs: c, family: 0x1c, sets: c, route: c}
	_ = put(k)
	_ = c.Flush()
	return r.sent
}

// raw is a request's part that is no attribute.
type raw []byte

func (r raw) Len() int          { return len(r) }
func (r raw) Serialize() []byte { return r }

// request is the same request as the library that kube-proxy uses writes it.
func request(typ, flags int, head []byte, attrs ...*nl.RtAttr) []byte {
	req := &nl.NetlinkRequest{NlMsghdr: unix.NlMsghdr{Len: unix.SizeofNlMsghdr, Type: uint16(typ), Flags: uint16(flags) | unix.NLM_F_REQUEST | unix.NLM_F_ACK, Seq: 1}}
	req.AddData(raw(head))
	for _, a := range attrs {
		req.AddData(a)
	}
	return req.Serialize()
}

func nest(typ int, attrs ...*nl.RtAttr) *nl.RtAttr {
	n := nl.NewRtAttr(typ|unix.NLA_F_NESTED, nil)
	for _, a := range attrs {
		n.AddChild(a)
	}
	return n
}

func be16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }
func be32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

var (
	aVIP  = vip{ip: ipOf(netip.MustParseAddr("10.96.0.10")), port: 53, proto: unix.IPPROTO_UDP}
	aDest = dest{ip: ipOf(netip.MustParseAddr("10.160.0.1")), port: 5353}

	plain      = service{scheduler: "rr", netmask: 0xffffffff}
	persistent = service{scheduler: "rr", flags: flagPersistent | flagSchedulerHashesPort, timeout: 60, netmask: 128}

	aVIP6  = vip{ip: ipOf(netip.MustParseAddr("fd00::10")), port: 53, proto: unix.IPPROTO_SCTP}
	aDest6 = dest{ip: ipOf(netip.MustParseAddr("fd01::1")), port: 5353}
)

// Each request is, byte for byte, what netlink's own encoder makes of the
// attributes that moby/ipvs, netlink and ipset send.
func TestWire(t *testing.T) {
	service := []*nl.RtAttr{
		nl.NewRtAttr(1, nl.Uint16Attr(unix.AF_INET)), nl.NewRtAttr(2, nl.Uint16Attr(17)),
		nl.NewRtAttr(3, []byte{10, 96, 0, 10}), nl.NewRtAttr(4, be16(53)),
	}
	full := append(service[:4:4],
		nl.NewRtAttr(6, []byte("rr\x00")), nl.NewRtAttr(7, append(nl.Uint32Attr(0), 0xff, 0xff, 0xff, 0xff)),
		nl.NewRtAttr(8, nl.Uint32Attr(0)), nl.NewRtAttr(9, nl.Uint32Attr(0xffffffff)))
	server := []*nl.RtAttr{
		nl.NewRtAttr(1, []byte{10, 160, 0, 1}), nl.NewRtAttr(2, be16(5353)), nl.NewRtAttr(3, nl.Uint32Attr(0)),
		nl.NewRtAttr(4, nl.Uint32Attr(1)), nl.NewRtAttr(5, nl.Uint32Attr(0)), nl.NewRtAttr(6, nl.Uint32Attr(0)),
	}
	ip := func(attr int, a ...byte) *nl.RtAttr { return nest(attr, nl.NewRtAttr(1|unix.NLA_F_NET_BYTEORDER, a)) }
	ifinfo, ifaddr := make([]byte, 16), []byte{unix.AF_INET, 32, 0, 0, 7, 0, 0, 0}
	setHead := []byte{unix.AF_INET, 0, 0, 0}
	protocol := nl.NewRtAttr(1, []byte{6})
	for name, c := range map[string]struct {
		put  func(k *kernel) error
		want []byte
	}{
		"virtual server": {
			func(k *kernel) error { return k.putVirtualServer(cmdNewService, aVIP, plain) },
			request(0x1c, 0, []byte{1, 1, 0, 0}, nest(1, full...)),
		},
		"virtual server gone": {
			func(k *kernel) error { return k.putVirtualServerGone(aVIP) },
			request(0x1c, 0, []byte{3, 1, 0, 0}, nest(1, service...)),
		},
		"real server": {
			func(k *kernel) error { return k.putRealServer(cmdNewDest, aVIP, aDest, 1) },
			request(0x1c, 0, []byte{5, 1, 0, 0}, nest(1, service...), nest(2, server...)),
		},
		"real server gone": {
			func(k *kernel) error { return k.putRealServer(cmdDelDest, aVIP, aDest, 0) },
			request(0x1c, 0, []byte{7, 1, 0, 0}, nest(1, service...), nest(2, server[:2]...)),
		},
		"dummy device": {
			func(k *kernel) error { return k.putDummy("kube-ipvs0") },
			request(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, ifinfo,
				nl.NewRtAttr(unix.IFLA_IFNAME, []byte("kube-ipvs0\x00")), nl.NewRtAttr(unix.IFLA_TXQLEN, nl.Uint32Attr(0)),
				nest(unix.IFLA_LINKINFO, nl.NewRtAttr(unix.IFLA_INFO_KIND, []byte("dummy\x00")))),
		},
		"address": {
			func(k *kernel) error { return k.putAddr(unix.RTM_NEWADDR, 7, hostAddr(aVIP.ip)) },
			request(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, ifaddr,
				nl.NewRtAttr(unix.IFA_LOCAL, aVIP.bytes()), nl.NewRtAttr(unix.IFA_ADDRESS, aVIP.bytes())),
		},
		"hash set": {
			func(k *kernel) error { return k.putSet("KUBE-X", hashIPPort, unix.AF_INET, 7) },
			request(6<<8|2, unix.NLM_F_CREATE, setHead, protocol, nl.NewRtAttr(2, []byte("KUBE-X\x00")), nl.NewRtAttr(3, []byte("hash:ip,port\x00")),
				nl.NewRtAttr(4, []byte{7}), nl.NewRtAttr(5, []byte{2}),
				nest(7, nl.NewRtAttr(18|unix.NLA_F_NET_BYTEORDER, be32(1024)), nl.NewRtAttr(19|unix.NLA_F_NET_BYTEORDER, be32(65536)))),
		},
		"bitmap set": {
			func(k *kernel) error { return k.putSet("KUBE-X", bitmapPort, unix.AF_INET6, 3) },
			request(6<<8|2, unix.NLM_F_CREATE, setHead, protocol, nl.NewRtAttr(2, []byte("KUBE-X\x00")), nl.NewRtAttr(3, []byte("bitmap:port\x00")),
				nl.NewRtAttr(4, []byte{3}), nl.NewRtAttr(5, []byte{0}),
				nest(7, nl.NewRtAttr(4|unix.NLA_F_NET_BYTEORDER, be16(0)), nl.NewRtAttr(5|unix.NLA_F_NET_BYTEORDER, be16(65535)))),
		},
		"two entries": {
			func(k *kernel) error {
				a := adder{k: k, cmd: ipsetAdd, name: "KUBE-X", typ: hashIPPortIP}
				for range 2 {
					if err := a.put(&entry{ip: aDest.ip, port: aDest.port, proto: 17, ip2: aDest.ip}); err != nil {
						return err
					}
				}
				return a.end()
			},
			request(6<<8|9, 0, setHead, protocol, nl.NewRtAttr(2, []byte("KUBE-X\x00")), nl.NewRtAttr(9, nl.Uint32Attr(0)),
				nest(8,
					nest(7, ip(1, 10, 160, 0, 1), nl.NewRtAttr(4|unix.NLA_F_NET_BYTEORDER, be16(5353)), nl.NewRtAttr(7, []byte{17}), ip(20, 10, 160, 0, 1), nl.NewRtAttr(9, nl.Uint32Attr(1))),
					nest(7, ip(1, 10, 160, 0, 1), nl.NewRtAttr(4|unix.NLA_F_NET_BYTEORDER, be16(5353)), nl.NewRtAttr(7, []byte{17}), ip(20, 10, 160, 0, 1), nl.NewRtAttr(9, nl.Uint32Attr(2))))),
		},
	} {
		if got := recorded(c.put); string(got) != string(c.want) {
			t.Errorf("%s\n got %x\nwant %x", name, got, c.want)
		}
	}
}

// A refusal is told in the words of its object.
func TestRefusalsNameTheirObject(t *testing.T) {
	refuse := func(errno unix.Errno, object func(nlbatch.Refusal) string, put func(k *kernel) error) string {
		batch := &nlbatch.BatchError{Count: 3, Refusals: []nlbatch.Refusal{{Errno: errno, Request: recorded(put)}}}
		err := name(batch, object)
		if !errors.Is(err, errno) {
			t.Errorf("%v does not hold %v", err, errno)
		}
		return err.Error()
	}
	for _, c := range []struct{ got, want string }{
		{refuse(unix.ENOENT, ipvsObject, func(k *kernel) error { return k.putVirtualServer(cmdNewService, aVIP, service{scheduler: "mh"}) }),
			`adding virtual server udp 10.96.0.10:53: the kernel has no scheduler "mh" (modprobe ip_vs_mh)`},
		{refuse(unix.EINVAL, ipvsObject, func(k *kernel) error { return k.putRealServer(cmdNewDest, aVIP, aDest, 1) }),
			"adding real server 10.160.0.1:5353 of virtual server udp 10.96.0.10:53: its address has no unicast route; is lo up?"},
		{refuse(unix.ENOENT, ipvsObject, func(k *kernel) error { return k.putRealServer(cmdDelDest, aVIP, aDest, 0) }),
			"removing real server 10.160.0.1:5353 of virtual server udp 10.96.0.10:53"},
		{refuse(unix.EEXIST, routeObject, func(k *kernel) error { return k.putAddr(unix.RTM_NEWADDR, 7, hostAddr(aVIP.ip)) }),
			"binding 10.96.0.10 to kube-ipvs0"},
		{refuse(4103, setObject, func(k *kernel) error { return k.putSet("KUBE-LOOP-BACK", hashIPPortIP, unix.AF_INET, 7) }), "creating set KUBE-LOOP-BACK"},
		{refuse(4100, setObject, func(k *kernel) error { return k.putSetCommand(ipsetDestroy, "KUBE-CLUSTER-IP") }),
			"destroying set KUBE-CLUSTER-IP: the set is in use by a rule"},
	} {
		if !strings.HasPrefix(c.got, c.want) || !strings.Contains(c.got, "2 more") {
			t.Errorf("got  %s\nwant %s…", c.got, c.want)
		}
	}
}

// Of many entries in one request the kernel names one by its line.
func TestRefusedEntry(t *testing.T) {
	sent := recorded(func(k *kernel) error {
		a := adder{k: k, cmd: ipsetAdd, name: "KUBE-CLUSTER-IP", typ: hashIPPort}
		for port := range uint16(5) {
			if err := a.put(&entry{ip: ipOf(netip.MustParseAddr("10.96.0.1")), port: 80 + port, proto: 6}); err != nil {
				return err
			}
		}
		return a.end()
	})
	echo := append([]byte(nil), sent...)
	// The line is the first attribute of type 9: after the header, 4 bytes of
	// family, the protocol (8) and the name (4 + 16).
	at := unix.NLMSG_HDRLEN + nfgenLen + 8 + 20
	if binary.NativeEndian.Uint16(echo[at+2:]) != ipsetAttrLine {
		t.Fatalf("no line at %d in %x", at, echo)
	}
	binary.NativeEndian.PutUint32(echo[at+4:], 3)
	got := setObject(nlbatch.Refusal{Errno: 4352, Request: sent, Echo: echo})
	if want := "adding to set KUBE-CLUSTER-IP entry 10.96.0.1,tcp:82: the set is full"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Requests and dumps share their parsers: what is written is read back.
func TestParseWhatWasWritten(t *testing.T) {
	for _, c := range []struct {
		vip  vip
		dest dest
		af   uint8
	}{{aVIP, aDest, unix.AF_INET}, {aVIP6, aDest6, unix.AF_INET6}} {
		payload := recorded(func(k *kernel) error { return k.putRealServer(cmdNewDest, c.vip, c.dest, 1) })[unix.NLMSG_HDRLEN:]
		s, d, err := parseIPVS(unix.AF_UNSPEC, payload)
		if err != nil || s.vip != c.vip || d.dest != c.dest || !d.wanted(1) || s.family != c.af {
			t.Errorf("%+v %+v %v", s, d, err)
		}
		payload = recorded(func(k *kernel) error { return k.putVirtualServer(cmdNewService, c.vip, persistent) })[unix.NLMSG_HDRLEN:]
		s, _, err = parseIPVS(unix.AF_UNSPEC, payload)
		if err != nil || s.vip != c.vip || s.service != persistent {
			t.Errorf("%+v %v", s, err)
		}
		payload = recorded(func(k *kernel) error { return k.putAddr(unix.RTM_NEWADDR, 7, hostAddr(c.vip.ip)) })[unix.NLMSG_HDRLEN:]
		a, index, err := parseAddr(payload)
		if err != nil || a != hostAddr(c.vip.ip) || index != 7 {
			t.Errorf("%+v %d %v", a, index, err)
		}
		for id, set := range kubeSets {
			e := map[string]entry{
				hashIP:        {ip: c.vip.ip},
				hashIPPort:    {ip: c.vip.ip, proto: c.vip.proto, port: 1},
				hashIPPortIP:  {ip: c.vip.ip, proto: c.vip.proto, port: 1, ip2: c.dest.ip},
				hashIPPortNet: {ip: c.vip.ip, proto: c.vip.proto, port: 1, ip2: c.dest.ip, bits: 24},
				bitmapPort:    {port: 30000},
			}[set.typ]
			payload := recorded(func(k *kernel) error {
				a := adder{k: k, cmd: ipsetAdd, name: families[1].sets[id], typ: set.typ}
				return firstError(a.put(&e), a.end)
			})[unix.NLMSG_HDRLEN:]
			var got []entry
			l, err := parseSetList(payload, func(e entry, _ uint32) error { got = append(got, e); return nil })
			if err != nil || l.name != families[1].sets[id] || len(got) != 1 || got[0] != e {
				t.Errorf("%s: %+v %v, want %+v", l.name, got, err, e)
			}
		}
	}
}

// Whatever the kernel says, parsing ends.
func FuzzParse(f *testing.F) {
	for _, put := range []func(k *kernel) error{
		func(k *kernel) error { return k.putRealServer(cmdNewDest, aVIP, aDest, 1) },
		func(k *kernel) error { return k.putVirtualServer(cmdNewService, aVIP6, persistent) },
		func(k *kernel) error { return k.putRealServer(cmdSetDest, aVIP6, aDest6, 0) },
		func(k *kernel) error { return k.putAddr(unix.RTM_DELADDR, 7, hostAddr(aVIP6.ip)) },
		func(k *kernel) error { return k.putDummy("x") },
		func(k *kernel) error { return k.putAddr(unix.RTM_NEWADDR, 7, hostAddr(aVIP.ip)) },
		func(k *kernel) error { return k.putSet("KUBE-LOOP-BACK", hashIPPortIP, unix.AF_INET, 7) },
		func(k *kernel) error {
			a := adder{k: k, cmd: ipsetAdd, name: families[1].sets[setLoadBalancerSourceCIDR], typ: hashIPPortNet}
			_ = a.put(&entry{ip: aVIP6.ip, ip2: aDest6.ip, bits: 64, port: 80, proto: 6})
			return a.end()
		},
	} {
		f.Add(recorded(put))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, family := range []uint8{unix.AF_UNSPEC, unix.AF_INET, unix.AF_INET6} {
			s, d, _ := parseIPVS(family, b)
			_, _ = s.String(), d.String()
		}
		_, _ = parseSetList(b, func(e entry, _ uint32) error { _ = e.text(hashIPPortNet); return nil })
		_, _, _ = parseLink(b)
		_, _, _ = parseAddr(b)
		for _, object := range []func(nlbatch.Refusal) string{ipvsObject, setObject, routeObject} {
			if object(nlbatch.Refusal{Errno: unix.EINVAL, Request: b, Echo: b}) == "" {
				t.Error("a refusal of nothing")
			}
		}
	})
}

// Where there is no IPVS at all the module that mends it is the scheduler's, which brings
// ip_vs along.
func TestMissingNamesTheModule(t *testing.T) {
	for _, s := range Schedulers() {
		var missing *backends.NotSupportedError
		if err := New(Options{Scheduler: s}).noIPVS(); !errors.As(err, &missing) || !strings.HasPrefix(missing.Mend, "modprobe ip_vs_"+s+",") {
			t.Errorf("%s: %v", s, err)
		}
	}
}
