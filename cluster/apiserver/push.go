package apiserver

import (
	"context"
	"time"
)

// Change is what becomes of one object: one of Old and Now, which have the same name,
// may be nil, and not both.
type Change struct{ Old, Now Object }

// Push makes changes in their order, so many a second, or all at once when that is 0.
// Each has its time from the first on, whatever those before it took: one that is late
// does not delay the others. When ctx ends, it gives how many were made.
func (s *Store) Push(ctx context.Context, changes []Change, perSecond float64) (made int, err error) {
	start := time.Now()
	for i, c := range changes {
		if perSecond > 0 {
			due := start.Add(time.Duration(float64(i) / perSecond * float64(time.Second)))
			select {
			case <-ctx.Done():
				return i, context.Cause(ctx)
			case <-time.After(time.Until(due)):
			}
		}
		if c.Now != nil {
			err = s.Set(c.Now)
		} else {
			err = s.Delete(c.Old)
		}
		if err != nil {
			return i, err
		}
	}
	return len(changes), nil
}
