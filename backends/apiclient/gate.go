package apiclient

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

// gate holds requests for paths, or below them, until it is opened.
type gate struct {
	http.Handler
	paths  []string
	opened chan struct{}
	once   sync.Once
	asked  chan struct{} // closed by the first request for the paths
	first  sync.Once
}

func newGate(h http.Handler, paths ...string) *gate {
	return &gate{Handler: h, paths: paths, opened: make(chan struct{}), asked: make(chan struct{})}
}

func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if slices.ContainsFunc(g.paths, func(p string) bool { return strings.HasPrefix(r.URL.Path, p) }) {
		g.first.Do(func() { close(g.asked) })
		select {
		case <-g.opened:
		case <-r.Context().Done():
			return
		}
	}
	g.Handler.ServeHTTP(w, r)
}
