package apiserver_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/svcmark/svcmark/cluster/apiserver"
)

func services(n int) (changes []apiserver.Change) {
	for i := range n {
		changes = append(changes, apiserver.Change{Now: &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: fmt.Sprint(i)}}})
	}
	return changes
}

// Each change has its own time, which the rate gives, to the nanosecond in this clock.
func TestPushAtARate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := apiserver.NewStore(0)
		start := time.Now()
		made, err := s.Push(t.Context(), services(11), 4)
		if made != 11 || err != nil || time.Since(start) != 2500*time.Millisecond {
			t.Errorf("%d changes at 4 a second in %s: %v", made, time.Since(start), err)
		}
		start = time.Now()
		if made, err := s.Push(t.Context(), services(1000), 0); made != 1000 || err != nil || time.Since(start) != 0 {
			t.Errorf("%d changes at once in %s: %v", made, time.Since(start), err)
		}
	})
}

func TestPushEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond)
		defer cancel()
		made, err := apiserver.NewStore(0).Push(ctx, services(11), 4)
		if made != 4 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%d changes: %v", made, err)
		}
	})
}
