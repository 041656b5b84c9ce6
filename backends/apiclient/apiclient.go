// Package apiclient is what all backends have in common whose work another program
// does, one that watches the Kubernetes API: a State as the API's objects, an API
// server in the node's namespace that has them, and the program with the end of what
// it said.
//
// What the program is called with, and how it is known that it has programmed what the
// API server has, is the affair of the backend.
package apiclient
