package apiserver_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/svcmark/svcmark/cluster/apiserver"
)

// TestInformer watches with the client that kube-proxy uses: its reflector lists
// by WatchList.
func TestInformer(t *testing.T) {
	s := apiserver.NewStore(0)
	set(t, s, service("a", "10.0.0.1", nil), service("b", "10.0.0.2", nil))
	client, err := kubernetes.NewForConfig(&rest.Config{Host: serve(t, s)})
	if err != nil {
		t.Fatal(err)
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	informer := factory.Core().V1().Services()
	var seen events
	if _, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(o any) { seen.add("added", o) },
		UpdateFunc: func(old, o any) {
			seen.add("from "+old.(*corev1.Service).Spec.ClusterIP+" to "+o.(*corev1.Service).Spec.ClusterIP, o)
		},
		DeleteFunc: func(o any) { seen.add("deleted", o) },
	}); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	factory.Start(stop)
	t.Cleanup(func() { close(stop); factory.Shutdown() })
	if !cache.WaitForCacheSync(t.Context().Done(), informer.Informer().HasSynced) {
		t.Fatal("the informer did not sync")
	}
	set(t, s, service("a", "10.0.0.9", nil), service("c", "10.0.0.3", nil))
	if err := s.Delete(service("b", "", nil)); err != nil {
		t.Fatal(err)
	}
	want := []string{"added a", "added b", "from 10.0.0.1 to 10.0.0.9 a", "added c", "deleted b"}
	got := seen.first(len(want))
	slices.Sort(got[:2]) // the informer hands out its first list in any order
	if !slices.Equal(got, want) {
		t.Errorf("the informer saw %q, want %q", got, want)
	}
}

// events collects what a handler is told.
type events struct {
	mu   sync.Mutex
	more sync.Cond
	all  []string
}

func (e *events) add(what string, o any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, fmt.Sprint(what, " ", o.(*corev1.Service).Name))
	if e.more.L != nil {
		e.more.Broadcast()
	}
}

// first waits for so many events; the test's own time limit is the last resort.
func (e *events) first(n int) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.more.L = &e.mu
	for len(e.all) < n {
		e.more.Wait()
	}
	return slices.Clone(e.all[:n])
}
