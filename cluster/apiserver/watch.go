package apiserver

import (
	"context"
	"fmt"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// watch streams events until the client goes, its time is up, or it is so slow
// that the log has lost what it has not read.
//
// Where it begins depends on what was asked (API concepts, "The resourceVersion
// parameter"): after a version; or, without one and with sendInitialEvents, at
// the present, each object as if it had just been added. With sendInitialEvents
// a bookmark says where those end.
func (h *resourceHandler) watch(w http.ResponseWriter, r *http.Request, q *query) {
	ctx := r.Context()
	if q.seconds > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(q.seconds)*time.Second)
		defer cancel()
	}
	w.Header().Set("Content-Type", "application/json")
	out := &stream{w: w, to: http.NewResponseController(w)}
	at := q.version
	if q.initialEvents || !q.hasVersion {
		version, entries := h.store.snapshot(h.resource)
		for _, e := range entries {
			if q.selects(e) {
				out.event(watch.Added, e.raw)
			}
		}
		if q.initialEvents && q.bookmarks {
			out.event(watch.Bookmark, h.bookmark(version))
		}
		at = version
	}
	for {
		changes, more, ok := h.store.since(h.resource, at)
		if !ok {
			gone, err := encode(status(http.StatusGone, metav1.StatusReasonExpired, fmt.Sprintf("too old resource version: %d", at)))
			if err == nil {
				out.event(watch.Error, gone)
			}
			out.flush()
			return
		}
		for _, ch := range changes {
			if kind, e := q.seen(ch); e != nil {
				out.event(kind, e.raw)
			}
			at = ch.version
		}
		out.flush()
		if out.err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-more:
		}
	}
}

// seen is what a change is to somebody who sees selected objects alone, nil when
// it is nothing.
func (q *query) seen(ch change) (watch.EventType, *entry) {
	was, is := q.selects(ch.old), q.selects(ch.new)
	switch {
	case is && was:
		return watch.Modified, ch.new
	case is:
		return watch.Added, ch.new
	case was:
		return watch.Deleted, ch.old
	}
	return "", nil
}

func (h *resourceHandler) bookmark(version uint64) []byte {
	return fmt.Appendf(nil, `{"kind":"%s","apiVersion":"%s","metadata":{"resourceVersion":"%d","annotations":{"%s":"true"}}}`,
		h.resource.Kind, h.resource.GroupVersion(), version, metav1.InitialEventsAnnotationKey)
}

// stream writes events. Its first error ends it.
type stream struct {
	w   http.ResponseWriter
	to  *http.ResponseController
	err error
}

func (s *stream) event(kind watch.EventType, object []byte) {
	if s.err == nil {
		_, s.err = fmt.Fprintf(s.w, "{\"type\":\"%s\",\"object\":%s}\n", kind, object)
	}
}

func (s *stream) flush() {
	if s.err == nil {
		s.err = s.to.Flush()
	}
}
