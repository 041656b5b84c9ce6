package backendtest

import (
	"errors"
	"fmt"
)

// The laws of the schedulers that hash. What they hash to is the kernel's own
// business; that it is these fields and no others is the law.

// function tells of connections with one key that meet different real servers, and
// when all keys together meet only one.
func (tr trace) function(key func(played) (any, bool)) error {
	met := map[any]int{}
	seen := map[int]bool{}
	for i, p := range tr {
		k, ok := key(p)
		if !ok || p.closes {
			continue
		}
		if was, again := met[k]; again && was != p.met {
			return fmt.Errorf("step %d, a connection to %s: %v met %d, and before it was %d", i, p.role, k, p.met, was)
		}
		met[k] = p.met
		seen[p.met] = true
	}
	if seen[none] {
		return errors.New("some meet nobody")
	}
	if len(seen) < 2 {
		return fmt.Errorf("%d keys meet one real server", len(met))
	}
	return nil
}

// hashing are the laws of sh, dh and mh.
func hashing() map[string]func(trace) error {
	source := func(p played) (any, bool) { return p.source.Addr(), p.role != weighted }
	return map[string]func(trace) error{
		// The source's address alone, whichever the Service (ip_vs_sh_schedule in
		// net/netfilter/ipvs/ip_vs_sh.c; kube-proxy sets no sh-port).
		"sh": func(tr trace) error {
			return errors.Join(
				tr.function(source),
				tr.function(func(p played) (any, bool) { return p.source.Addr(), p.role == weighted }),
			)
		},
		// The VIP's address alone, whichever its port and protocol (ip_vs_dh_schedule
		// in net/netfilter/ipvs/ip_vs_dh.c).
		"dh": func(tr trace) error {
			return tr.function(func(p played) (any, bool) {
				switch p.role {
				case alikeToo: // at the address of alike
					return alike, true
				case elsewhere:
					return p.number / 2, true
				}
				return p.role, p.role == alike
			})
		},
		// The source's address and port, whichever the Service (ip_vs_mh_schedule in
		// net/netfilter/ipvs/ip_vs_mh.c, with the flag mh-port, which kube-proxy sets).
		"mh": func(tr trace) error {
			if tr.function(source) == nil {
				return errors.New("the source's port does not matter")
			}
			return tr.function(func(p played) (any, bool) { return p.source, p.role == alike || p.role == alikeToo })
		},
	}
}

// law is what a trace of a scheduler must satisfy.
func law(scheduler string) func(trace) error {
	if choosers, ok := counting()[scheduler]; ok {
		return func(tr trace) error { return tr.replay(choosers, "") }
	}
	return hashing()[scheduler]
}
