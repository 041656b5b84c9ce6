package apiserver_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/svcmark/svcmark/cluster/apiserver"
)

func service(name, clusterIP string, labels map[string]string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, Labels: labels},
		Spec:       corev1.ServiceSpec{ClusterIP: clusterIP, Type: corev1.ServiceTypeClusterIP},
	}
}

func node(name string) *corev1.Node { return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}} }

func set(t *testing.T, s *apiserver.Store, objects ...apiserver.Object) {
	t.Helper()
	if err := s.Set(objects...); err != nil {
		t.Fatal(err)
	}
}

func serve(t *testing.T, s *apiserver.Store) string {
	t.Helper()
	server := httptest.NewServer(apiserver.Handler(s))
	t.Cleanup(func() {
		server.CloseClientConnections() // watches do not end by themselves
		server.Close()
	})
	return server.URL
}

// get gives an answer's code and body.
func get(t *testing.T, address string) (int, string) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// told is an event, short: its type, the object's name and its version.
func told(t *testing.T, line string) string {
	t.Helper()
	var e struct {
		Type   string
		Object struct {
			Kind     string
			Code     int
			Metadata struct {
				Name, ResourceVersion string
				Annotations           map[string]string
			}
		}
	}
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	m := e.Object.Metadata
	switch {
	case e.Type == "ERROR":
		return strings.TrimSpace(e.Type + " " + e.Object.Kind)
	case m.Annotations["k8s.io/initial-events-end"] == "true":
		return e.Type + " end " + m.ResourceVersion
	}
	return e.Type + " " + m.Name + " " + m.ResourceVersion
}

// watching reads the events of a watch.
func watching(t *testing.T, address string, query ...string) (next func() string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	v := url.Values{"watch": {"true"}}
	for i := 0; i < len(query); i += 2 {
		v.Set(query[i], query[i+1])
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"?"+v.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the watch was answered with %s", resp.Status)
	}
	lines := bufio.NewScanner(resp.Body)
	return func() string {
		t.Helper()
		if !lines.Scan() {
			return "end of stream"
		}
		return told(t, lines.Text())
	}
}

func expect(t *testing.T, next func() string, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := next(); got != w {
			t.Fatalf("got the event %q, want %q", got, w)
		}
	}
}

func names(t *testing.T, list string) (version, all string) {
	t.Helper()
	var l struct {
		Kind     string
		Metadata struct{ ResourceVersion string }
		Items    []struct{ Metadata struct{ Name string } }
	}
	if err := json.Unmarshal([]byte(list), &l); err != nil {
		t.Fatalf("%s: %v", list, err)
	}
	var n []string
	for _, i := range l.Items {
		n = append(n, i.Metadata.Name)
	}
	return l.Metadata.ResourceVersion, strings.Join(n, " ")
}

func TestList(t *testing.T) {
	s := apiserver.NewStore(0)
	address := serve(t, s)
	other := service("c", "10.0.0.3", nil)
	other.Namespace = "other"
	set(t, s, service("b", "10.0.0.2", nil), service("a", "None", map[string]string{"proxy": "x"}), other, node("n1"), node("n2"),
		&discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "a-1"}},
		&networkingv1.ServiceCIDR{ObjectMeta: metav1.ObjectMeta{Name: "kubernetes"}})
	if err := s.Delete(node("n1"), node("never")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/api/v1/services":                                                     "a b c",
		"/api/v1/namespaces/ns/services":                                       "a b",
		"/api/v1/services?labelSelector=%21proxy":                              "b c",
		"/api/v1/services?fieldSelector=spec.clusterIP%21%3DNone":              "b c",
		"/api/v1/nodes?fieldSelector=metadata.name%3Dn2":                       "n2",
		"/api/v1/nodes?resourceVersion=0&limit=500":                            "n2",
		"/apis/discovery.k8s.io/v1/endpointslices":                             "a-1",
		"/apis/networking.k8s.io/v1/servicecidrs":                              "kubernetes",
		"/api/v1/nodes?resourceVersion=8&resourceVersionMatch=Exact":           "n2",
		"/api/v1/nodes?resourceVersion=3&resourceVersionMatch=NotOlderThan":    "n2",
		"/api/v1/namespaces/other/services?fieldSelector=metadata.name%3D%3Dc": "c",
	} {
		code, body := get(t, address+path)
		if code != http.StatusOK {
			t.Errorf("%s: %d %s", path, code, body)
			continue
		}
		if version, got := names(t, body); got != want || version != "8" {
			t.Errorf("%s: %q at the version %s, want %q at 8", path, got, version, want)
		}
	}
	if code, body := get(t, address+"/api/v1/namespaces/ns/services/b"); code != http.StatusOK || !strings.Contains(body, `"kind":"Service","apiVersion":"v1"`) ||
		!strings.Contains(body, `"resourceVersion":"1"`) {
		t.Errorf("one Service: %d %s", code, body)
	}
}

// What the server cannot answer is a Status with the API's own code.
func TestRefusals(t *testing.T) {
	s := apiserver.NewStore(0)
	address := serve(t, s)
	set(t, s, node("n1"), node("n2"))
	for path, want := range map[string]int{
		"/api/v1/pods":                                                      http.StatusNotFound,
		"/api/v1/nodes/n3":                                                  http.StatusNotFound,
		"/api/v1/nodes?resourceVersion=x":                                   http.StatusBadRequest,
		"/api/v1/nodes?watch=perhaps":                                       http.StatusBadRequest,
		"/api/v1/nodes?labelSelector=a%3D%3D":                               http.StatusOK, // the empty value
		"/api/v1/nodes?labelSelector=%21%21":                                http.StatusBadRequest,
		"/api/v1/nodes?fieldSelector=spec.podCIDR%3D10.0.0.0%2F8":           http.StatusBadRequest,
		"/api/v1/nodes?watch=true&sendInitialEvents=true":                   http.StatusBadRequest,
		"/api/v1/nodes?resourceVersion=3":                                   http.StatusGatewayTimeout,
		"/api/v1/nodes?resourceVersion=1&resourceVersionMatch=Exact":        http.StatusGone,
		"/api/v1/namespaces/ns/services?fieldSelector=spec.type%3DNodePort": http.StatusOK,
	} {
		code, body := get(t, address+path)
		if code != want {
			t.Errorf("%s: %d %s, want %d", path, code, body, want)
		}
		var status metav1.Status
		if want != http.StatusOK && (json.Unmarshal([]byte(body), &status) != nil || status.Kind != "Status" || int(status.Code) != want) {
			t.Errorf("%s: %s is no Status of %d", path, body, want)
		}
	}
	if err := s.Set(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "p"}}); err == nil {
		t.Error("a Pod was stored")
	}
	if err := s.Set(&corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "nowhere"}}); err == nil {
		t.Error("a Service without a namespace was stored")
	}
}

func TestWatch(t *testing.T) {
	s := apiserver.NewStore(0)
	address := serve(t, s) + "/api/v1/services"
	set(t, s, service("b", "10.0.0.2", nil), node("n"), service("a", "10.0.0.1", nil))

	after := watching(t, address, "resourceVersion", "1")
	now := watching(t, address)
	list := watching(t, address, "sendInitialEvents", "true", "resourceVersionMatch", "NotOlderThan", "allowWatchBookmarks", "true")
	expect(t, after, "ADDED a 3")
	expect(t, now, "ADDED a 3", "ADDED b 1")
	expect(t, list, "ADDED a 3", "ADDED b 1", "BOOKMARK end 3")

	set(t, s, service("a", "10.0.0.9", nil), node("n"))
	if err := s.Delete(service("b", "", nil)); err != nil {
		t.Fatal(err)
	}
	for _, next := range []func() string{after, now, list} {
		expect(t, next, "MODIFIED a 4", "DELETED b 6")
	}
}

// An object that is changed so that a selector does not match it any more is gone
// for who selects.
func TestWatchSelected(t *testing.T) {
	s := apiserver.NewStore(0)
	next := watching(t, serve(t, s)+"/api/v1/services", "labelSelector", "!headless", "fieldSelector", "spec.clusterIP!=None")
	set(t, s, service("a", "None", nil), service("b", "10.0.0.2", nil), service("a", "10.0.0.1", nil),
		service("b", "10.0.0.2", map[string]string{"headless": ""}), service("b", "10.0.0.3", map[string]string{"headless": ""}))
	expect(t, next, "ADDED b 2", "ADDED a 3", "DELETED b 4")
}

// A watch from a version that the log has lost ends with the error that makes a
// client list anew.
func TestWatchExpired(t *testing.T) {
	s := apiserver.NewStore(4)
	address := serve(t, s) + "/api/v1/nodes"
	for range 9 {
		set(t, s, node("n"))
	}
	expect(t, watching(t, address, "resourceVersion", "2"), "ERROR Status", "end of stream")
	expect(t, watching(t, address, "resourceVersion", "7"), "MODIFIED n 8", "MODIFIED n 9")
}

func TestWatchEnds(t *testing.T) {
	s := apiserver.NewStore(0)
	expect(t, watching(t, serve(t, s)+"/api/v1/nodes", "timeoutSeconds", "1"), "end of stream")
}

func TestEvents(t *testing.T) {
	address := serve(t, apiserver.NewStore(0))
	for _, path := range []string{"/api/v1/namespaces/default/events", "/apis/events.k8s.io/v1/namespaces/default/events"} {
		resp, err := http.Post(address+path, "application/vnd.kubernetes.protobuf", strings.NewReader("k8s\x00event"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusCreated || string(body) != "k8s\x00event" {
			t.Errorf("%s: %s %q %v", path, resp.Status, body, err)
		}
	}
}

// A client gets the first format that it names and the server has.
func TestFormats(t *testing.T) {
	s := apiserver.NewStore(0)
	address := serve(t, s)
	set(t, s, node("n"))
	const (
		asJSON     = "application/json"
		asProtobuf = "application/vnd.kubernetes.protobuf"
	)
	for accept, want := range map[string]string{
		"":                                 asJSON,
		"*/*":                              asJSON,
		"application/json;charset=utf-8":   asJSON,
		asProtobuf:                         asProtobuf,
		asProtobuf + "," + asJSON:          asProtobuf,
		asProtobuf + ";q=0.5, */*;q=0.1":   asProtobuf,
		"application/cbor, " + asProtobuf:  asProtobuf,
		asJSON + ";as=Table, " + asJSON:    asJSON,
		"text/html, " + asJSON + ";as=All": "", // as something that the server does not make
		"application/yaml":                 "",
		";;":                               "",
	} {
		for _, path := range []string{"/api/v1/nodes", "/api/v1/nodes/n", "/api/v1/nodes?watch=true&timeoutSeconds=1"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept", accept)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			code, got := http.StatusOK, want
			switch {
			case want == "":
				code, got = http.StatusNotAcceptable, asJSON // what is wrong is said in JSON
			case want == asProtobuf && strings.Contains(path, "watch"):
				got += ";stream=watch"
			}
			if resp.StatusCode != code || resp.Header.Get("Content-Type") != got {
				t.Errorf("%s as %q: %s as %q, want %d as %q", path, accept, resp.Status, resp.Header.Get("Content-Type"), code, got)
			}
		}
	}
}
