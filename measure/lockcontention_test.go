package measure_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/iptables"
	"github.com/svcmark/svcmark/backends/nftables"
	"github.com/svcmark/svcmark/measure"
)

// waiting notes of each full sync whether a process of it waited for the lock, as the kernel tells it.
type waiting struct {
	*iptables.Backend
	waited *[]bool
}

func (w waiting) Sync(ctx context.Context, s *backends.State) error {
	done, saw := make(chan struct{}), make(chan bool)
	go func() {
		for {
			select {
			case <-done:
				saw <- false
				return
			default:
			}
			if lockWaiter() {
				saw <- true
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	err := w.Backend.Sync(ctx, s)
	close(done)
	*w.waited = append(*w.waited, <-saw)
	return err
}

// lockWaiter is whether somebody waits for the lock: /proc/locks marks those who do with "->".
func lockWaiter() bool {
	var st unix.Stat_t
	if unix.Stat("/run/xtables.lock", &st) != nil {
		return false
	}
	locks, _ := os.ReadFile("/proc/locks") // what cannot be read has nobody waiting, and fails the test
	for line := range strings.Lines(string(locks)) {
		if strings.Contains(line, "-> FLOCK") && strings.Contains(line, fmt.Sprintf(":%d ", st.Ino)) {
			return true
		}
	}
	return false
}

func TestLockContentionHasSyncsWait(t *testing.T) {
	var waited []bool
	cell := programmed(t, func() backends.Backend { return waiting{iptables.New(iptables.Legacy), &waited} })
	rs, err := taken(t, measure.LockContention{}, cell)
	if err != nil {
		t.Fatal(err)
	}
	if len(rs) != 8 {
		t.Errorf("%d results, want four shares of two kinds of sync", len(rs))
	}
	// One sync programmed the cell, one told of the lock, and each share has five.
	if len(waited) != 22 || slices.Contains(waited[:7], true) || !slices.Contains(waited[17:], true) {
		t.Errorf("full syncs that waited for the lock: %v; want none of the first seven, and some of the last five", waited)
	}
}

func TestLockContentionNeedsTheLock(t *testing.T) {
	for name, fresh := range map[string]func() backends.Backend{
		"iptables-nft": func() backends.Backend { return iptables.New(iptables.NFT) },
		"nftables":     func() backends.Backend { return nftables.New(nftables.Layout136) },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := taken(t, measure.LockContention{}, programmed(t, fresh))
			if !errors.Is(err, measure.ErrNotApplicable) || !strings.Contains(err.Error(), "no sync of this backend takes /run/xtables.lock") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Tools that lock another file wait for nobody, and give no figures.
func TestLockContentionOfAnotherFile(t *testing.T) {
	t.Setenv("XTABLES_LOCKFILE", filepath.Join(t.TempDir(), "other.lock"))
	var waited []bool
	cell := programmed(t, func() backends.Backend { return waiting{iptables.New(iptables.Legacy), &waited} })
	_, err := taken(t, measure.LockContention{}, cell)
	if !errors.Is(err, measure.ErrNotApplicable) || slices.Contains(waited, true) {
		t.Errorf("got %v; full syncs that waited for the lock: %v", err, waited)
	}
}

// A writer that never lets go is an error, and nothing hangs.
func TestLockContentionEndsWhenTheLockIsNotReleased(t *testing.T) {
	cell := programmed(t, func() backends.Backend { return iptables.New(iptables.Legacy) })
	f, err := os.Create("/run/xtables.lock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() }) // before the backend's cleanup
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	_, err = taken(t, measure.LockContention{}, cell)
	if err == nil || !strings.Contains(err.Error(), "another process held /run/xtables.lock for all of 6s") {
		t.Errorf("got %v", err)
	}
}
