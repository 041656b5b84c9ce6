package apiserver

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// bookmarkEvery is how often a watch that allows bookmarks is told where it is
// (bookmarkFrequency in k8s.io/apiserver's storage/cacher): whoever sees few
// objects of many could not go on otherwise, once the log has lost what it saw
// last.
const bookmarkEvery = time.Minute

// watch streams events until the client goes, its time is up, or it is so slow
// that the log has lost what it has not read.
//
// Where it begins depends on what was asked (API concepts, "The resourceVersion
// parameter"): after a version; or, without one and with sendInitialEvents, at
// the present, each object as if it had just been added. With sendInitialEvents
// a bookmark says where those end.
func (h *resourceHandler) watch(w http.ResponseWriter, r *http.Request, q *query, f format) {
	ctx := r.Context()
	if q.seconds > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(q.seconds)*time.Second)
		defer cancel()
	}
	w.Header().Set("Content-Type", f.streamType())
	out := &stream{w: w, to: http.NewResponseController(w), format: f}
	at := q.version
	if q.initialEvents || !q.hasVersion {
		version, entries := h.store.snapshot(h.resource)
		for _, e := range entries {
			if q.selects(e) {
				out.entry(watch.Added, e)
			}
		}
		if q.initialEvents && q.bookmarks {
			out.object(watch.Bookmark, h.bookmark(version, map[string]string{metav1.InitialEventsAnnotationKey: "true"}))
		}
		at = version
	}
	var due <-chan time.Time // when the next bookmark is
	if q.bookmarks {
		ticker := time.NewTicker(bookmarkEvery)
		defer ticker.Stop()
		due = ticker.C
	}
	marked := at
	for {
		changes, more, ok := h.store.since(h.resource, at)
		if !ok {
			out.object(watch.Error, status(http.StatusGone, metav1.StatusReasonExpired, fmt.Sprintf("too old resource version: %d", at)))
			out.flush()
			return
		}
		for _, ch := range changes {
			if kind, e := q.seen(ch); e != nil {
				out.entry(kind, e)
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
		case <-due:
			if at != marked {
				out.object(watch.Bookmark, h.bookmark(at, nil))
				marked = at
			}
		case <-more:
		}
	}
}

// seen is what a change is to somebody who sees selected objects alone, nil when
// it is nothing. What is gone is told as it was, with the version of its going.
func (q *query) seen(ch change) (watch.EventType, *entry) {
	was, is := q.selects(ch.old), q.selects(ch.new)
	switch {
	case is && was:
		return watch.Modified, ch.new
	case is:
		return watch.Added, ch.new
	case was:
		return watch.Deleted, ch.old.at(ch.version)
	}
	return "", nil
}

// bookmark is an object of the resource that has a version and nothing else.
func (h *resourceHandler) bookmark(version uint64, annotations map[string]string) Object {
	o := h.resource.new()
	o.GetObjectKind().SetGroupVersionKind(h.resource.GroupVersionKind)
	o.SetResourceVersion(strconv.FormatUint(version, 10))
	o.SetAnnotations(annotations)
	return o
}

// stream writes events. Its first error ends it.
type stream struct {
	w      http.ResponseWriter
	to     *http.ResponseController
	format format
	err    error
}

func (s *stream) entry(kind watch.EventType, e *entry) {
	if s.err != nil {
		return
	}
	var object []byte
	if object, s.err = e.in(s.format); s.err == nil {
		s.err = s.format.event(s.w, kind, object)
	}
}

func (s *stream) object(kind watch.EventType, o runtime.Object) {
	if s.err != nil {
		return
	}
	var object []byte
	if object, s.err = s.format.encode(o); s.err == nil {
		s.err = s.format.event(s.w, kind, object)
	}
}

func (s *stream) flush() {
	if s.err == nil {
		s.err = s.to.Flush()
	}
}
