package userspace

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/svcmark/svcmark/lab/labtest"
)

// The tests run on a node of their own: what listens there is theirs alone.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 {
		switch os.Args[1] {
		case Verb:
			exit(Serve(context.Background(), os.Stdin, os.Stdout))
		case starterVerb:
			exit(starter())
		}
	}
	labtest.Main(m)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
