package scenarios

import "time"

// Program is a backend that a scenario defines itself: a program that watches the
// Kubernetes API. Exactly one of KubeProxy and Exec is set.
type Program struct {
	Name      string // of the backend
	KubeProxy *KubeProxy
	Exec      *Exec
}

// KubeProxy is a kube-proxy that is run otherwise than by default.
type KubeProxy struct {
	// Label tells which one of several; "" is the one without a label, or, where
	// every one has a label, each of them.
	Label         string
	Mode          string   // as in the backends' names: nftables, iptables-legacy
	Flags         []string // further ones
	Configuration string   // a KubeProxyConfiguration, "" for the defaults
}

// Exec is any other program.
type Exec struct {
	// Command is the program and its arguments. A program with a slash is found
	// from the scenario's folder, one without in PATH. In arguments, and in the
	// values of Env, ${KUBECONFIG} and ${NODE_NAME} stand for what the environment
	// of the same name holds.
	Command []string
	Env     []Variable // sorted by name, each once
	Ready   Ready
}

// Variable is one of a program's environment.
type Variable struct{ Name, Value string }

// Ready is how it is known that a program has programmed a State: packets reach every
// VIP of it, and no endpoint that it has not.
type Ready struct {
	Timeout  time.Duration // for all of them; 2 minutes by default
	Interval time.Duration // between two packets, and the patience with each; 5 ms by default
}

func defaultReady() Ready { return Ready{Timeout: 2 * time.Minute, Interval: 5 * time.Millisecond} }

// program is the definition of a backend, nil when the scenario has none of that name.
func (s *Scenario) program(name string) *Program {
	for i := range s.Programs {
		if s.Programs[i].Name == name {
			return &s.Programs[i]
		}
	}
	return nil
}

// keepPrograms forgets those that are no backend any more.
func (s *Scenario) keepPrograms() {
	var kept []Program
	for _, b := range s.Backends {
		if p := s.program(b); p != nil {
			kept = append(kept, *p)
		}
	}
	s.Programs = kept
}
