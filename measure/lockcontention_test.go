package measure_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/iptables"
	"github.com/svcmark/svcmark/backends/nftables"
	"github.com/svcmark/svcmark/measure"
)

// looking notes whether somebody holds the lock when a full sync begins.
type looking struct {
	*iptables.Backend
	busy *[]bool
}

func (l looking) Sync(ctx context.Context, s *backends.State) error {
	f, err := os.Open("/run/xtables.lock")
	if errors.Is(err, os.ErrNotExist) { // nothing has locked yet
		*l.busy = append(*l.busy, false)
		return l.Backend.Sync(ctx, s)
	}
	if err != nil {
		return err
	}
	*l.busy = append(*l.busy, unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil)
	if err := f.Close(); err != nil {
		return err
	}
	return l.Backend.Sync(ctx, s)
}

func TestLockContentionTakesEveryShare(t *testing.T) {
	var busy []bool
	cell := programmed(t, func() backends.Backend { return looking{iptables.New(iptables.Legacy), &busy} })
	rs, err := taken(t, measure.LockContention{}, cell)
	if err != nil {
		t.Fatal(err)
	}
	if len(rs) != 8 {
		t.Errorf("%d results, want four shares of two kinds of sync", len(rs))
	}
	// One sync programmed the cell, one told of the lock, and each share has five.
	if len(busy) != 22 || slices.Contains(busy[:7], true) || !slices.Contains(busy[17:], true) {
		t.Errorf("the lock was held when these full syncs began: %v; want none of the first seven, and some of the last five", busy)
	}
}

func TestLockContentionNeedsTheLock(t *testing.T) {
	for name, fresh := range map[string]func() backends.Backend{
		"iptables-nft": func() backends.Backend { return iptables.New(iptables.NFT) },
		"nftables":     func() backends.Backend { return nftables.New(nftables.Layout136) },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := taken(t, measure.LockContention{}, programmed(t, fresh))
			if !errors.Is(err, measure.ErrNotApplicable) || !strings.Contains(err.Error(), "does not take /run/xtables.lock") {
				t.Errorf("got %v", err)
			}
		})
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
