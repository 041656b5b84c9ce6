// Package vm is the lab that boots a machine of its own.
package vm
