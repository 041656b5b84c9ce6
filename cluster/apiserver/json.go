package apiserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// jsonFormat is application/json, and a line an event.
type jsonFormat struct{}

func (jsonFormat) index() int         { return 0 }
func (jsonFormat) mediaType() string  { return "application/json" }
func (jsonFormat) streamType() string { return "application/json" }

// encode is json.Marshal without what that does for browsers.
func (jsonFormat) encode(o runtime.Object) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(o); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func (jsonFormat) list(w io.Writer, r Resource, meta metav1.ListMeta, items [][]byte) error {
	_, err := fmt.Fprintf(w, `{"kind":"%sList","apiVersion":"%s","metadata":{"resourceVersion":"%s"},"items":[`,
		r.Kind, r.GroupVersion(), meta.ResourceVersion)
	for i, item := range items {
		if i > 0 && err == nil {
			_, err = io.WriteString(w, ",")
		}
		if err == nil {
			_, err = w.Write(item)
		}
	}
	if err == nil {
		_, err = io.WriteString(w, "]}\n")
	}
	return err
}

func (jsonFormat) event(w io.Writer, kind watch.EventType, object []byte) error {
	_, err := fmt.Fprintf(w, "{\"type\":\"%s\",\"object\":%s}\n", kind, object)
	return err
}
