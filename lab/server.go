package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab/endpoint"
)

// server is an endpoint host's process. It is a process and not a goroutine so
// that its CPU time is not taken for the backend's.
type server struct {
	cmd   *exec.Cmd
	stdin io.Closer
}

// startServer returns once every port answers.
func startServer(ctx context.Context, h *Host, ports endpoint.Ports) (*server, error) {
	job, err := json.Marshal(ports)
	if err != nil {
		return nil, err
	}
	var s *server
	err = h.Do(func() error { // the child inherits this thread's namespace
		cmd := exec.CommandContext(ctx, "/proc/self/exe", endpoint.Verb)
		cmd.Args[0] = os.Args[0] // this program's name, for whoever lists processes
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			return err
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		s = &server{cmd: cmd, stdin: in}
		if _, err := in.Write(append(job, '\n')); err != nil {
			return err
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil || line != endpoint.Ready+"\n" {
			return fmt.Errorf("its process did not get ready: %q (%w)", line, err)
		}
		return nil
	})
	if err != nil {
		if s != nil {
			_ = s.stop()
		}
		return nil, fmt.Errorf("starting the server of host %s: %w", h.Name, err)
	}
	return s, nil
}

// stop ends the server by the end of its input.
func (s *server) stop() error {
	_ = s.stdin.Close()
	return s.cmd.Wait()
}

// portsOf lists the ports that the state's endpoints are on. In a microVM,
// which nobody shares, the servers leave the CPU to whoever is measured.
func portsOf(state *backends.State) endpoint.Ports {
	tcp, udp := map[uint16]bool{}, map[uint16]bool{}
	for i := range state.Services {
		p := &state.Services[i]
		set := tcp
		if p.Protocol == backends.UDP {
			set = udp
		}
		for _, e := range p.Endpoints {
			set[e.Addr.Port()] = true
		}
	}
	return endpoint.Ports{TCP: sorted(tcp), UDP: sorted(udp), Yield: os.Getenv(NodeEnv) == "vm"}
}

func sorted(set map[uint16]bool) []uint16 {
	ports := make([]uint16, 0, len(set))
	for p := range set {
		ports = append(ports, p)
	}
	slices.Sort(ports)
	return ports
}
