package backendtest

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// sctp are the behaviours of SCTP, on a kernel that speaks it.
func sctp() []behaviour {
	associations := func(n int, name string) func(a addresses) []backends.ServicePort {
		return func(a addresses) []backends.ServicePort {
			p := a.service(n, name, backends.SCTP, a.remote(0), a.remote(1))
			p.NodePort = nodePort(n)
			return []backends.ServicePort{p}
		}
	}
	return []behaviour{
		{
			name: "SCTPFromPod", says: "a pod asks a ClusterIP over SCTP",
			services: associations(80, "sctp-from-pod"),
			observe: func(t *trial) (Outcome, error) {
				o, err := t.reaches(t.pod(), backends.SCTP, t.services[0].VIP(), t.remote(0), t.remote(1))
				// A proxy that does not speak SCTP leaves the packet to the node's
				// default route, at whose end there is no such host.
				if t.proxied && errors.Is(err, unix.EHOSTUNREACH) {
					return PassedOn, nil
				}
				return o, err
			},
			want: all(AsItself).but(Silent, EBPFSocket, EBPFTC).but(PassedOn, Userspace),
		},
		{
			name: "SCTPAtNodePort", says: "a machine outside asks a NodePort over SCTP",
			services: associations(81, "sctp-at-node-port"),
			observe: func(t *trial) (Outcome, error) {
				return t.reaches(t.beyond(1), backends.SCTP, t.nodeAt(nodePort(81)), t.remote(0), t.remote(1))
			},
			want: all(AsNode).but(Refused, EBPFSocket, EBPFTC).but(Refused, Userspace),
		},
	}
}
