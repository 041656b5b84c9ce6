//go:build !amd64

package guest

import "errors"

// The vm lab knows amd64 guests only, and refuses others before one is made.

func ports(int) error { return errors.New("the guest runs on amd64 only") }
func send([]byte)     {}
func stop() uint64    { return 0 }
func choose(uint16)   {}
func fetch([]byte)    {}
func burn(int)        {}
