package apiserver

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/watch"
)

// protobufFormat is application/vnd.kubernetes.protobuf, which is what kube-proxy
// and every other component asks for by default. An object is in an envelope, a
// runtime.Unknown after four magic bytes; an event of a watch is a message
// without one after its length (k8s.io/apimachinery/pkg/runtime/generated.proto
// and pkg/apis/meta/v1/generated.proto).
type protobufFormat struct{}

func (protobufFormat) index() int         { return 1 }
func (protobufFormat) mediaType() string  { return runtime.ContentTypeProtobuf }
func (protobufFormat) streamType() string { return runtime.ContentTypeProtobuf + ";stream=watch" }

func (protobufFormat) encode(o runtime.Object) ([]byte, error) {
	var b bytes.Buffer
	err := protobuf.NewSerializer(nil, nil).Encode(o, &b)
	return b.Bytes(), err
}

// list makes the message of every list of the API: field 1 is the metadata,
// field 2 an item, each without an envelope.
func (f protobufFormat) list(w io.Writer, r Resource, meta metav1.ListMeta, items [][]byte) error {
	head, err := meta.Marshal()
	if err != nil {
		return err
	}
	raw := appendField(nil, 1, head)
	for _, item := range items {
		message, err := opened(item)
		if err != nil {
			return err
		}
		raw = appendField(raw, 2, message)
	}
	list, err := f.encode(&runtime.Unknown{
		TypeMeta: runtime.TypeMeta{APIVersion: r.GroupVersion().String(), Kind: r.Kind + "List"},
		Raw:      raw,
	})
	if err != nil {
		return err
	}
	_, err = w.Write(list)
	return err
}

func (protobufFormat) event(w io.Writer, kind watch.EventType, object []byte) error {
	message, err := (&metav1.WatchEvent{Type: string(kind), Object: runtime.RawExtension{Raw: object}}).Marshal()
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...))
	return err
}

// appendField appends a field of bytes to a protobuf message.
func appendField(b []byte, number uint64, value []byte) []byte {
	const lengthDelimited = 2
	b = binary.AppendUvarint(b, number<<3|lengthDelimited)
	return append(binary.AppendUvarint(b, uint64(len(value))), value...)
}

// opened takes an object's message out of its envelope.
func opened(object []byte) ([]byte, error) {
	var u runtime.Unknown
	message, found := bytes.CutPrefix(object, []byte("k8s\x00"))
	if !found {
		return nil, fmt.Errorf("an object of %d bytes is in no envelope", len(object))
	}
	if err := u.Unmarshal(message); err != nil {
		return nil, err
	}
	return u.Raw, nil
}
