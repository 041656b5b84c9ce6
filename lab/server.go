package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/prometheus/procfs"
	"github.com/vishvananda/netlink"

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

// ServerTime is the processor time that the endpoint hosts' servers have taken, in
// nanoseconds, which the kernel keeps in hundredths of a second.
func (t *Topology) ServerTime() (int64, error) {
	const tick = 1e9 / 100 // USER_HZ
	total := int64(0)
	for _, s := range t.servers {
		p, err := procfs.NewProc(s.cmd.Process.Pid)
		if err != nil {
			return 0, fmt.Errorf("reading a server's time: %w", err)
		}
		stat, err := p.Stat()
		if err != nil {
			return 0, fmt.Errorf("reading a server's time: %w", err)
		}
		total += int64(stat.UTime+stat.STime) * tick
	}
	return total, nil
}

// ForgetFlows empties the connection tracking of the calling process's namespace. A
// connection that was reset stays there for another ten seconds, and a table that is
// full drops packets. Where the kernel has no tracking there is nothing to forget.
func ForgetFlows() { _ = netlink.ConntrackTableFlush(netlink.ConntrackTable) }
