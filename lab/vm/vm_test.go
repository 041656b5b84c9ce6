package vm

import (
	"testing"
	"time"

	"github.com/svcmark/svcmark/lab"
)

func TestVMEcho(t *testing.T) {
	start := time.Now()
	l, err := New(t.Context(), Options{Log: func(s string) { t.Log(s) }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Log("new", time.Since(start), l.Missing())
	for range 3 {
		start = time.Now()
		err = l.Run(t.Context(), lab.Job{Args: []string{"echo", "a", "b"}, Input: []byte("in\n")}, func(b []byte) { t.Logf("%s", b) })
		t.Log(time.Since(start), err)
	}
	f, err := l.Environment()
	t.Logf("%+v %v", f, err)
}
