package backends

import (
	"context"
	"time"
)

// Judge says by packets whether a dataplane serves a ServicePort as it is after a
// change: nil, or what packets find instead. patience is how long it waits for each
// answer. It is meant to be asked again and again while a dataplane is at work; what it
// says is of that moment. That something is gone can only be told from what does not
// come: thorough takes longer to be sure of it.
type Judge func(ctx context.Context, c Change, patience time.Duration, thorough bool) error
