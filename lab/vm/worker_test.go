package vm

import (
	"fmt"
	"io"
	"os"
)

// workers are what the tests run in a guest.
func workers() map[string]func(args []string) {
	return map[string]func([]string){
		"echo": func(args []string) {
			in, err := io.ReadAll(os.Stdin)
			fmt.Printf("args %q\ninput %q %v\n", args, in, err)
			fmt.Fprintln(os.Stderr, "to the log")
		},
	}
}
