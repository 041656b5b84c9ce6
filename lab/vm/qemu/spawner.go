package qemu

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// A Spawner starts processes that the kernel kills when this one ends, however it
// ends. That bond (PR_SET_PDEATHSIG) is to the thread that started the process, so
// all are started by one thread, which lives until Close.
type Spawner struct {
	work  chan func()
	close func()
}

// NewSpawner starts the thread.
func NewSpawner() *Spawner {
	s := &Spawner{work: make(chan func())}
	s.close = sync.OnceFunc(func() { close(s.work) })
	go func() {
		// Never unlocked: the thread ends with the goroutine, and with it
		// whatever was not waited for.
		runtime.LockOSThread()
		for f := range s.work {
			f()
		}
	}()
	return s
}

// Start starts the command in a process group of its own, so that a terminal's
// Ctrl-C reaches it through us only.
func (s *Spawner) Start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	done := make(chan error)
	s.work <- func() { done <- cmd.Start() }
	return <-done
}

// Close ends the thread. Nothing may be started any more; what still runs is
// killed.
func (s *Spawner) Close() { s.close() }
