package guest

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/vm/wire"
)

// worker is the running child and the ends of what it says.
type worker struct {
	pid   int
	pidfd int
	out   [2]int // its stdout and stderr, -1 once at their end
}

// work runs the job's worker to its end and hands on what it says.
func work(job *wire.Job) (wire.End, error) {
	oom, err := watchOOM()
	if err != nil {
		return wire.End{}, err
	}
	w, err := start(job)
	if err != nil {
		return wire.End{}, fmt.Errorf("starting the worker: %w", err)
	}
	// Whatever the worker says is handed on at once, within its own write: by
	// then it is not in the middle of something timed. A reader that came
	// round later would run inside the next measurement.
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{
		Size:     unix.SizeofSchedAttr,
		Policy:   unix.SCHED_FIFO,
		Flags:    unix.SCHED_FLAG_RESET_ON_FORK,
		Priority: 1,
	}, 0); err != nil {
		return wire.End{}, fmt.Errorf("raising init's priority: %w", err)
	}
	status, err := w.wait()
	if err != nil {
		return wire.End{}, err
	}
	end := wire.End{OOM: oom()}
	if status.Signaled() {
		end.Signal = unix.SignalName(status.Signal())
	} else {
		end.Exit = status.ExitStatus()
	}
	return end, nil
}

// start starts /init again with the job's arguments.
func start(job *wire.Job) (*worker, error) {
	stdin, err := unix.MemfdCreate("job", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	defer unix.Close(stdin)
	for in, at := job.Input, int64(0); len(in) > 0; {
		n, err := unix.Pwrite(stdin, in, at)
		if err != nil {
			return nil, err
		}
		in, at = in[n:], at+int64(n)
	}
	var out, errs [2]int
	if err := unix.Pipe2(out[:], unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	if err := unix.Pipe2(errs[:], unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	if err := ports(0); err != nil {
		return nil, err
	}
	w := &worker{out: [2]int{out[0], errs[0]}}
	w.pid, err = syscall.ForkExec("/init", append([]string{"/init"}, job.Args...), &syscall.ProcAttr{
		Dir:   "/",
		Env:   []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", lab.NodeEnv + "=vm"},
		Files: []uintptr{uintptr(stdin), uintptr(out[1]), uintptr(errs[1])},
		Sys:   &syscall.SysProcAttr{Setsid: true, PidFD: &w.pidfd},
	})
	unix.Close(out[1])
	unix.Close(errs[1])
	if perr := ports(1); err == nil {
		err = perr
	}
	if err != nil {
		return nil, err
	}
	if w.pidfd < 0 {
		return nil, errors.New("this kernel gives no pidfd; it must be 5.4 or newer")
	}
	return w, nil
}

// wait hands on the worker's output until its end, reaps everything that is left to init,
// ends what the worker left running, and gives the worker's status.
func (w *worker) wait() (syscall.WaitStatus, error) {
	buf := make([]byte, wire.MaxRecord)
	kinds := [2]wire.Kind{wire.Event, wire.Log}
	var status syscall.WaitStatus
	ended := false
	for !ended || w.out[0] >= 0 || w.out[1] >= 0 {
		fds := []unix.PollFd{
			{Fd: int32(w.out[0]), Events: unix.POLLIN}, // poll passes over -1
			{Fd: int32(w.out[1]), Events: unix.POLLIN},
			{Fd: int32(w.pidfd), Events: unix.POLLIN},
		}
		if ended {
			fds[2].Fd = -1
		}
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return 0, fmt.Errorf("waiting for the worker: %w", err)
		}
		for i := range w.out {
			if fds[i].Revents == 0 {
				continue
			}
			n, err := unix.Read(w.out[i], buf)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err != nil {
				return 0, fmt.Errorf("reading from the worker: %w", err)
			}
			if n == 0 {
				unix.Close(w.out[i])
				w.out[i] = -1
				continue
			}
			record(kinds[i], buf[:n])
		}
		for {
			var s syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &s, syscall.WNOHANG, nil)
			if err != nil || pid <= 0 {
				break
			}
			if pid == w.pid {
				status, ended = s, true
				// Its children may hold its pipes open for ever.
				_ = unix.Kill(-1, unix.SIGKILL)
			}
		}
	}
	return status, nil
}
