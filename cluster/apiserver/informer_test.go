package apiserver_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/svcmark/svcmark/cluster/apiserver"
)

// These watch with the client that kube-proxy uses, in both formats. What is held
// against the store is what a program would program: the informer's own copy of
// the Services. How it got there is the client's business.

var formats = []string{runtime.ContentTypeJSON, runtime.ContentTypeProtobuf}

// mirror is an informer's copy of the Services.
type mirror struct {
	services corelisters.ServiceLister
	changed  chan struct{} // has something when the copy has changed
}

func newMirror(t *testing.T, c *rest.Config) *mirror {
	t.Helper()
	c.QPS = -1 // no waiting between its requests
	client, err := kubernetes.NewForConfig(c)
	if err != nil {
		t.Fatal(err)
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	informer := factory.Core().V1().Services()
	m := &mirror{informer.Lister(), make(chan struct{}, 1)}
	note := func() {
		select {
		case m.changed <- struct{}{}:
		default:
		}
	}
	if _, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { note() }, UpdateFunc: func(any, any) { note() }, DeleteFunc: func(any) { note() },
	}); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	factory.Start(stop)
	t.Cleanup(func() { close(stop); factory.Shutdown() })
	return m
}

// is gives the copy: ClusterIPs by name.
func (m *mirror) is(t *testing.T) map[string]string {
	t.Helper()
	list, err := m.services.List(labels.Everything())
	if err != nil {
		t.Fatal(err)
	}
	is := map[string]string{}
	for _, s := range list {
		is[s.Name] = s.Spec.ClusterIP
	}
	return is
}

// becomes waits until the copy is what is wanted. A client that was turned away
// waits for some seconds before it asks again.
func (m *mirror) becomes(t *testing.T, want map[string]string) {
	t.Helper()
	patience := time.After(2 * time.Minute)
	for !maps.Equal(m.is(t), want) {
		select {
		case <-m.changed:
		case <-patience:
			t.Fatalf("the informer has %d Services %v, want %d %v", len(m.is(t)), m.is(t), len(want), want)
		}
	}
}

// door is a server that can be shut for a while: who is inside is thrown out, and
// who comes waits.
type door struct {
	*httptest.Server
	opened         sync.RWMutex
	watches, lists atomic.Int32
}

func newDoor(t *testing.T, s *apiserver.Store) *door {
	d, h := &door{}, apiserver.Handler(s)
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.opened.RLock()
		if q := r.URL.Query(); q.Get("watch") == "true" && q.Get("sendInitialEvents") == "" {
			d.watches.Add(1)
		} else { // also by a watch that begins with all that there is
			d.lists.Add(1)
		}
		d.opened.RUnlock()
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { d.CloseClientConnections(); d.Close() })
	return d
}

func (d *door) shut() {
	d.opened.Lock()
	d.CloseClientConnections()
}

func (d *door) open() { d.opened.Unlock() }

func TestInformer(t *testing.T) {
	for _, format := range formats {
		t.Run(format, func(t *testing.T) {
			s := apiserver.NewStore(0)
			set(t, s, service("a", "10.0.0.1", nil), service("b", "10.0.0.2", nil))
			m := newMirror(t, &rest.Config{Host: serve(t, s), ContentConfig: rest.ContentConfig{ContentType: format}})
			m.becomes(t, map[string]string{"a": "10.0.0.1", "b": "10.0.0.2"})

			set(t, s, service("a", "10.0.0.9", nil), service("c", "10.0.0.3", nil))
			if err := s.Delete(service("b", "", nil)); err != nil {
				t.Fatal(err)
			}
			m.becomes(t, map[string]string{"a": "10.0.0.9", "c": "10.0.0.3"})
		})
	}
}

// A client that lost its connection goes on where it was: it does not list again.
func TestInformerReconnects(t *testing.T) {
	for _, format := range formats {
		t.Run(format, func(t *testing.T) {
			s := apiserver.NewStore(0)
			set(t, s, service("a", "10.0.0.1", nil))
			d := newDoor(t, s)
			m := newMirror(t, &rest.Config{Host: d.URL, ContentConfig: rest.ContentConfig{ContentType: format}})
			m.becomes(t, map[string]string{"a": "10.0.0.1"})
			set(t, s, service("a", "10.0.0.2", nil)) // a watch that saw nothing is not gone on with
			m.becomes(t, map[string]string{"a": "10.0.0.2"})
			lists := d.lists.Load()

			d.shut()
			set(t, s, service("b", "10.0.0.2", nil))
			if err := s.Delete(service("a", "", nil)); err != nil {
				t.Fatal(err)
			}
			d.open()
			m.becomes(t, map[string]string{"b": "10.0.0.2"})
			if got := d.lists.Load(); got != lists {
				t.Errorf("the client listed %d times, want %d: it must go on from its version", got, lists)
			}
			if d.watches.Load() == 0 {
				t.Error("the client did not watch again")
			}
		})
	}
}

// A client whose version the log has lost lists again.
func TestInformerTooOld(t *testing.T) {
	for _, format := range formats {
		t.Run(format, func(t *testing.T) {
			const history = 8
			s := apiserver.NewStore(history)
			set(t, s, service("a", "10.0.0.1", nil))
			d := newDoor(t, s)
			m := newMirror(t, &rest.Config{Host: d.URL, ContentConfig: rest.ContentConfig{ContentType: format}})
			m.becomes(t, map[string]string{"a": "10.0.0.1"})
			set(t, s, service("a", "10.0.0.2", nil)) // a watch that saw nothing is not gone on with
			m.becomes(t, map[string]string{"a": "10.0.0.2"})
			lists := d.lists.Load()

			d.shut()
			if err := s.Delete(service("a", "", nil)); err != nil {
				t.Fatal(err)
			}
			for i := range 2 * history {
				set(t, s, service("b", fmt.Sprintf("10.0.1.%d", i), nil))
			}
			d.open()
			m.becomes(t, map[string]string{"b": fmt.Sprintf("10.0.1.%d", 2*history-1)})
			if got := d.lists.Load(); got == lists {
				t.Error("the client did not list again, and its version is lost")
			}
			if d.watches.Load() == 0 {
				t.Error("the client did not ask for what came after its version")
			}
		})
	}
}

// A reader that does not read holds up nobody: neither who changes objects nor who
// reads them. When it reads on it is told that it is too late, and lists again.
func TestInformerThatIsSlow(t *testing.T) {
	for _, format := range formats {
		t.Run(format, func(t *testing.T) {
			const history = 64
			s := apiserver.NewStore(history)
			set(t, s, service("a", "10.0.0.1", nil))
			d := newDoor(t, s)
			config := func() *rest.Config {
				return &rest.Config{Host: d.URL, ContentConfig: rest.ContentConfig{ContentType: format}}
			}
			var tap tap
			slow := config()
			slow.Dial = tap.dial
			late, quick := newMirror(t, slow), newMirror(t, config())
			late.becomes(t, map[string]string{"a": "10.0.0.1"})
			quick.becomes(t, map[string]string{"a": "10.0.0.1"})
			lists := d.lists.Load()

			tap.shut()
			// More than the sockets between them hold, of which the log keeps little.
			for i := range 200 {
				o := service("b", fmt.Sprintf("10.0.1.%d", i), nil)
				o.Annotations = padding(64 << 10)
				set(t, s, o)
				if i%8 == 0 { // the quick one keeps up
					quick.becomes(t, map[string]string{"a": "10.0.0.1", "b": o.Spec.ClusterIP})
				}
			}
			quick.becomes(t, map[string]string{"a": "10.0.0.1", "b": "10.0.1.199"})
			if got := late.is(t)["b"]; got == "10.0.1.199" {
				t.Fatal("the slow reader has read everything: the test tests nothing")
			}
			tap.open()
			late.becomes(t, map[string]string{"a": "10.0.0.1", "b": "10.0.1.199"})
			if got := d.lists.Load(); got == lists {
				t.Error("the slow reader did not list again, and the log has lost what it did not read")
			}
		})
	}
}

func padding(size int) map[string]string {
	b := make([]byte, size)
	for i := range b {
		b[i] = 'x'
	}
	return map[string]string{"padding": string(b)}
}

// tap lets nothing be read from its connections while it is shut.
type tap struct {
	mu     sync.Mutex
	closed chan struct{} // nil while open, else closed at the opening
}

func (p *tap) shut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = make(chan struct{})
}

func (p *tap) open() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.closed)
	p.closed = nil
}

func (p *tap) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	return &tapped{c, p}, err
}

type tapped struct {
	net.Conn
	tap *tap
}

func (c *tapped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.tap.mu.Lock()
	closed := c.tap.closed
	c.tap.mu.Unlock()
	if closed != nil {
		<-closed
	}
	return n, err
}
