// Package guest is the microVM's first process. It prepares the guest, stops
// for the snapshot, and after each restore runs one worker: this same program,
// as a child. There is nothing else in the guest, and no shell.
package guest

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/lab/vm/wire"
)

// Env is the word on the kernel's command line that makes this program the
// guest's first process; the kernel hands it on as an environment variable.
// Its value is Snapshot, or Direct for a guest that goes on without one.
const (
	Env      = "SVCMARK_GUEST"
	Snapshot = "snapshot"
	Direct   = "direct"
)

// perturb is how many iterations of burn one step of Job.Perturb costs: an odd
// few thousand instructions, small beside a timer's tick of 4 million.
const perturb = 3001

const (
	// pause is how many iterations of burn the host has, after the last note, to
	// get ready for the stop: a quarter of a second.
	pause = 25_000_000
	// maxLate is how far the clock may stand from where it stopped. When QEMU's main loop
	// comes too late to a guest that has stopped itself, it takes it for an
	// idle one and moves its clock to the next timer, at most 4 ms away.
	maxLate = 300
)

// Is says whether this process is a guest's first. A main function, or a
// TestMain, asks it before anything else and then calls Main.
func Is() bool { return os.Getpid() == 1 && os.Getenv(Env) != "" }

// Main is the guest's life. It does not return: the host ends the machine.
func Main() {
	runtime.LockOSThread() // the permission for ports and the priority are the thread's
	if err := ports(1); err != nil {
		// There is no way out but the console: init's end is a kernel panic.
		fmt.Fprintln(os.Stderr, "svcmark:", err)
		os.Exit(1)
	}
	end, err := live(os.Getenv(Env) == Snapshot)
	if err != nil {
		end = wire.End{Error: err.Error()}
	}
	b, err := json.Marshal(end)
	if err != nil {
		b = []byte("{}") // an End of strings and a number always marshals
	}
	record(wire.Done, b)
	for {
		_ = unix.Pause()
	}
}

func live(snapshot bool) (wire.End, error) {
	if err := prepare(); err != nil {
		return wire.End{}, err
	}
	loaded, err := loadModules()
	if err != nil {
		return wire.End{}, err
	}
	if err := sizeConntrack(); err != nil {
		return wire.End{}, err
	}
	if snapshot {
		settle()
		note("%d modules loaded", loaded)
		burn(pause)
		if late := stop(); late > maxLate {
			return wire.End{Error: "the snapshot is not exact", Late: late}, nil
		}
	} else {
		note("%d modules loaded", loaded)
	}
	job, err := fetchJob()
	if err != nil {
		return wire.End{}, err
	}
	if len(job.Args) == 0 {
		return wire.End{}, nil // the host only asks whether the snapshot is good
	}
	burn(job.Perturb * perturb)
	return work(job)
}

// settle lets the kernel finish what booting left for later (freeing of memory,
// deferred work, the random generator's start) so that no cell pays for it. In
// the virtual clock waiting takes no real time.
func settle() {
	var b [16]byte
	_, _ = unix.Getrandom(b[:], 0)
	runtime.GC()
	time.Sleep(5 * time.Second)
}

// record sends one record.
func record(k wire.Kind, payload []byte) {
	h := wire.Header(k, len(payload))
	send(h[:])
	send(payload)
}

// note tells the host something that is not the worker's.
func note(format string, args ...any) {
	record(wire.Log, fmt.Appendf(nil, "guest: "+format+"\n", args...))
}
