package apiserver

import (
	"io"
	"mime"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// format is one of the encodings that the API speaks. What an object is encoded
// to is kept in its entry, by the format's index.
type format interface {
	index() int
	mediaType() string
	// streamType is the media type of a watch.
	streamType() string
	// encode gives an object as an answer or an event has it.
	encode(o runtime.Object) ([]byte, error)
	// list writes a list of encoded objects.
	list(w io.Writer, r Resource, meta metav1.ListMeta, items [][]byte) error
	// event writes an event of a watch with an encoded object.
	event(w io.Writer, kind watch.EventType, object []byte) error
}

const formatCount = 2

// chosen is the first format that a client names, nil when it takes neither. A
// client that names none gets JSON.
func chosen(accept string) format {
	if accept == "" {
		return jsonFormat{}
	}
	for part := range strings.SplitSeq(accept, ",") {
		media, params, err := mime.ParseMediaType(part)
		if err != nil || params["as"] != "" { // as a Table, for people
			continue
		}
		switch media {
		case "application/json", "application/*", "*/*":
			return jsonFormat{}
		case "application/vnd.kubernetes.protobuf":
			return protobufFormat{}
		}
	}
	return nil
}
