package lab

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab/tail"
)

// NetNS is the lab on the running kernel: every worker gets network, mount and
// PID namespaces of its own, and, when the user is not root, a user namespace
// around them. Nothing of it has a name, and the PID namespace's end kills all
// that the worker started, so nothing is left even after SIGKILL.
type NetNS struct {
	Executable string // the program that workers run
}

var _ Lab = (*NetNS)(nil)

// Clock is the wall clock: the running kernel has no other.
func (*NetNS) Clock() Clock { return Wall }

// Close frees nothing: workers free themselves.
func (*NetNS) Close() error { return nil }

// Command is this program, started again inside a fresh node with args.
// Its streams are the caller's to set. The thread that starts it must outlive it.
func (l *NetNS) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, l.Executable, args...)
	cmd.Env = append(os.Environ(), "PATH="+strings.Join(programDirs(), ":"), NodeEnv+"=netns")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
		// Ctrl-C is for svcmark, which ends its workers itself.
		Setpgid: true,
	}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return cmd
}

// programDirs are the folders of PATH and those of administrators' programs,
// which a plain user's PATH lacks and where the dataplanes' tools are.
func programDirs() []string {
	return append(filepath.SplitList(os.Getenv("PATH")), "/usr/local/sbin", "/usr/sbin", "/sbin")
}

// Run implements Lab.
func (l *NetNS) Run(ctx context.Context, job Job, event func(line []byte)) error {
	// The kernel sends Pdeathsig when the starting thread ends, not the process.
	return onFreshThread(func() error { return l.run(ctx, job, event) })
}

func (l *NetNS) run(ctx context.Context, job Job, event func(line []byte)) error {
	runtime.LockOSThread()
	cmd := l.Command(ctx, job.Args...)
	log := &tail.Buffer{}
	cmd.Stdin, cmd.Stderr = bytes.NewReader(job.Input), log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EINVAL) {
			return &backends.NotSupportedError{
				Feature: "permission to make namespaces", Err: err,
				Mend: "run as root, allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces), or use --lab vm",
			}
		}
		return fmt.Errorf("starting a worker: %w", err)
	}
	read := eachLine(out, event)
	err = cmd.Wait()
	if ctx.Err() != nil {
		return &RunError{Reason: "stopped: " + context.Cause(ctx).Error(), Tail: log.Lines(), Err: ctx.Err()}
	}
	if err != nil {
		return &RunError{Reason: "the worker ended with " + err.Error(), Tail: log.Lines()}
	}
	return read
}

// maxEvent bounds one line of a worker's output.
const maxEvent = 16 << 20

func eachLine(r interface{ Read([]byte) (int, error) }, event func([]byte)) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxEvent)
	for s.Scan() {
		event(s.Bytes())
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("reading the worker's events: %w", err)
	}
	return nil
}
