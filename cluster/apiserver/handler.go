package apiserver

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Handler serves the Store as the Kubernetes API does, in JSON or protobuf: get,
// list and watch of Resources. Events are accepted and forgotten. It listens
// nowhere by itself.
func Handler(s *Store) http.Handler {
	mux := http.NewServeMux()
	for _, r := range Resources() {
		h := &resourceHandler{s, r}
		mux.HandleFunc("GET "+r.Path(), h.collection)
		if r.Namespaced {
			in := path.Join(r.root(), "namespaces/{namespace}", r.Plural)
			mux.HandleFunc("GET "+in, h.collection)
			mux.HandleFunc("GET "+in+"/{name}", h.one)
		} else {
			mux.HandleFunc("GET "+r.Path()+"/{name}", h.one)
		}
	}
	for _, gv := range []schema.GroupVersion{{Version: "v1"}, {Group: "events.k8s.io", Version: "v1"}} {
		in := path.Join(apiRoot(gv), "namespaces/{namespace}/events")
		mux.HandleFunc("POST "+in, acceptEvent)
		mux.HandleFunc("PATCH "+in+"/{name}", acceptEvent)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, metav1.StatusReasonNotFound, "the server has no %s of %s", r.Method, r.URL.Path)
	})
	return mux
}

// maxEvent bounds what is read of an event.
const maxEvent = 1 << 20

// acceptEvent answers with the event, in the encoding that the client chose.
func acceptEvent(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxEvent))
	if err != nil {
		fail(w, http.StatusBadRequest, metav1.StatusReasonBadRequest, "reading the event: %v", err)
		return
	}
	if r.Method == http.MethodPatch { // a patch is not an event: answer with one
		body = []byte(`{"kind":"Event","apiVersion":"events.k8s.io/v1","metadata":{}}`)
		w.Header().Set("Content-Type", "application/json")
	} else {
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		w.WriteHeader(http.StatusCreated)
	}
	_, _ = w.Write(body) // a client that has gone needs no answer
}

type resourceHandler struct {
	store    *Store
	resource Resource
}

func (h *resourceHandler) one(w http.ResponseWriter, r *http.Request) {
	f := accepted(w, r)
	if f == nil {
		return
	}
	e := h.store.get(h.resource, keyOf(r.PathValue("namespace"), r.PathValue("name")))
	if e == nil {
		fail(w, http.StatusNotFound, metav1.StatusReasonNotFound, "%s %q not found", h.resource.Plural, r.PathValue("name"))
		return
	}
	body, err := e.in(f)
	if err != nil {
		fail(w, http.StatusInternalServerError, metav1.StatusReasonInternalError, "%v", err)
		return
	}
	w.Header().Set("Content-Type", f.mediaType())
	_, _ = w.Write(body)
}

func (h *resourceHandler) collection(w http.ResponseWriter, r *http.Request) {
	f := accepted(w, r)
	if f == nil {
		return
	}
	q, err := parseQuery(h.resource, r)
	if err != nil {
		fail(w, http.StatusBadRequest, metav1.StatusReasonBadRequest, "%v", err)
		return
	}
	if now := h.store.Version(); q.hasVersion && q.version > now {
		fail(w, http.StatusGatewayTimeout, metav1.StatusReasonTimeout, "Too large resource version: %d, current: %d", q.version, now)
		return
	}
	if q.watch {
		h.watch(w, r, q, f)
		return
	}
	h.list(w, q, f)
}

// accepted is the format that a client takes; nil after it was told that there is
// none.
func accepted(w http.ResponseWriter, r *http.Request) format {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	f := chosen(accept)
	if f == nil {
		fail(w, http.StatusNotAcceptable, metav1.StatusReasonNotAcceptable,
			"only application/json and %s are served, not %s", runtime.ContentTypeProtobuf, accept)
	}
	return f
}

func (h *resourceHandler) list(w http.ResponseWriter, q *query, f format) {
	version, entries := h.store.snapshot(h.resource)
	if q.match == metav1.ResourceVersionMatchExact && q.version != version {
		fail(w, http.StatusGone, metav1.StatusReasonExpired, "the version %d is not kept, only %d is", q.version, version)
		return
	}
	var items [][]byte
	for _, e := range entries {
		if !q.selects(e) {
			continue
		}
		item, err := e.in(f)
		if err != nil {
			fail(w, http.StatusInternalServerError, metav1.StatusReasonInternalError, "%v", err)
			return
		}
		items = append(items, item)
	}
	w.Header().Set("Content-Type", f.mediaType())
	_ = f.list(w, h.resource, metav1.ListMeta{ResourceVersion: strconv.FormatUint(version, 10)}, items) // who has gone needs no answer
}

// query is what a client asks of a collection.
type query struct {
	watch         bool
	initialEvents bool // sendInitialEvents
	bookmarks     bool // allowWatchBookmarks
	hasVersion    bool // a version was given, other than 0, which is "any"
	version       uint64
	match         metav1.ResourceVersionMatch
	seconds       uint64 // how long to watch, 0 for as long as the client does

	namespace string
	labels    labels.Selector
	fields    fields.Selector
}

func parseQuery(r Resource, req *http.Request) (*query, error) {
	v := req.URL.Query()
	q := &query{namespace: req.PathValue("namespace"), match: metav1.ResourceVersionMatch(v.Get("resourceVersionMatch"))}
	var err error
	for name, to := range map[string]*bool{"watch": &q.watch, "sendInitialEvents": &q.initialEvents, "allowWatchBookmarks": &q.bookmarks} {
		if text := v.Get(name); text != "" {
			if *to, err = strconv.ParseBool(text); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	for name, to := range map[string]*uint64{"resourceVersion": &q.version, "timeoutSeconds": &q.seconds} {
		if text := v.Get(name); text != "" {
			if *to, err = strconv.ParseUint(text, 10, 63); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	q.hasVersion = q.version != 0
	if q.initialEvents && (!q.watch || q.match != metav1.ResourceVersionMatchNotOlderThan) {
		return nil, fmt.Errorf("sendInitialEvents is for a watch with the resourceVersionMatch %s", metav1.ResourceVersionMatchNotOlderThan)
	}
	if q.labels, err = labels.Parse(v.Get("labelSelector")); err != nil {
		return nil, err
	}
	if q.fields, err = fields.ParseSelector(v.Get("fieldSelector")); err != nil {
		return nil, err
	}
	for _, f := range q.fields.Requirements() {
		if !r.selectable(f.Field) {
			return nil, fmt.Errorf("field label not supported: %s", f.Field)
		}
	}
	return q, nil
}

func (r Resource) selectable(field string) bool {
	switch field {
	case "metadata.name":
		return true
	case "metadata.namespace":
		return r.Namespaced
	case "spec.clusterIP", "spec.type":
		return r == Services
	}
	return false
}

// selects reports whether the client wants to know of an object; nil is none.
func (q *query) selects(e *entry) bool {
	return e != nil && (q.namespace == "" || e.fields["metadata.namespace"] == q.namespace) &&
		q.labels.Matches(e.labels) && q.fields.Matches(e.fields)
}

// fail answers with a Status.
func fail(w http.ResponseWriter, code int, reason metav1.StatusReason, format string, args ...any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(status(code, reason, fmt.Sprintf(format, args...)))
}

func status(code int, reason metav1.StatusReason, message string) *metav1.Status {
	return &metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message,
	}
}
