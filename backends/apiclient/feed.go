package apiclient

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/svcmark/svcmark/cluster/apiserver"
)

// Enter runs a function in the network namespace of a program; nil is this process's.
type Enter func(func() error) error

// Do runs the function.
func (e Enter) Do(fn func() error) error {
	if e == nil {
		return fn()
	}
	return e(fn)
}

// Feed is the API server of one program. It listens on loopback in the program's
// namespace and nowhere else. Until it is opened it has everything but Services and
// EndpointSlices: who asks for those waits.
type Feed struct {
	store  *apiserver.Store
	gate   *gate
	server *http.Server
}

// NewFeed starts a server that has nothing yet.
func NewFeed(enter Enter) (*Feed, error) {
	f := &Feed{store: apiserver.NewStore(0)}
	f.gate = newGate(apiserver.Handler(f.store), apiserver.Services.Path(), apiserver.EndpointSlices.Path())
	var l net.Listener
	if err := enter.Do(func() (err error) { l, err = net.Listen("tcp", "127.0.0.1:0"); return err }); err != nil {
		return nil, err
	}
	f.server = &http.Server{Handler: f.gate, Addr: l.Addr().String(), ReadHeaderTimeout: time.Minute}
	go func() { _ = f.server.Serve(l) }() // it ends with ErrServerClosed
	return f, nil
}

// URL is where the server is.
func (f *Feed) URL() string { return "http://" + f.server.Addr }

// Set adds objects, or replaces those of the same name.
func (f *Feed) Set(objects ...apiserver.Object) error { return f.store.Set(objects...) }

// Push makes a change, at once.
func (f *Feed) Push(ctx context.Context, c *Change) error {
	_, err := f.store.Push(ctx, c.All(), 0)
	return err
}

// Encode encodes the lists of Services and EndpointSlices as a program that accepts the
// media type will ask for them: what a real API server has long done by then is no
// part of a sync.
func (f *Feed) Encode(ctx context.Context, mediaType string) error {
	for _, r := range []apiserver.Resource{apiserver.Services, apiserver.EndpointSlices} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.Path(), http.NoBody)
		if err != nil {
			return err
		}
		req.Header.Set("Accept", mediaType)
		apiserver.Handler(f.store).ServeHTTP(nowhere{}, req)
	}
	return nil
}

// Asked is closed when somebody has asked for Services or EndpointSlices.
func (f *Feed) Asked() <-chan struct{} { return f.gate.asked }

// Open lets the program have Services and EndpointSlices.
func (f *Feed) Open() { f.gate.open() }

// Close ends the server and all that it answers.
func (f *Feed) Close() error { return f.server.Close() }

// nowhere is a ResponseWriter that nobody reads.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}
