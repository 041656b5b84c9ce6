package cluster

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// maxObject bounds one object in bytes. etcd's own bound is 1.5 MiB, and
	// indentation makes a fraction of it larger.
	maxObject = 32 << 20
	// maxObjects bounds all of them: what a scenario can hold, and its slices.
	maxObjects = 5_000_000
)

// Read reads a cluster from JSON, one object at a time: Lists as kubectl prints
// them, objects one after another, documents with arrays called services,
// endpointSlices and nodes, or any of these in a row. Objects of other kinds are
// counted in Cluster.PassedOver. A key that is given twice is an error, as is
// text that is not UTF-8.
//
// progress, which may be nil, is told after each object how many bytes were
// read. The error is a *Mistakes when objects are wrong; what is no such JSON at
// all ends the reading at its place.
func Read(in io.Reader, progress func(bytes int64)) (*Cluster, error) {
	r := &reader{Builder: NewBuilder(), meter: &meter{in: in}, progress: progress}
	r.dec = jsontext.NewDecoder(bufio.NewReaderSize(r.meter, 1<<20))
	if err := r.all(); err != nil {
		return nil, r.explain(err)
	}
	if r.objects == 0 && len(r.mistakes.First) == 0 {
		return nil, errors.New("holds no object; want what kubectl get services,endpointslices,nodes -A -o json prints")
	}
	return r.Cluster()
}

// reader is a reading in progress.
type reader struct {
	*Builder
	dec      *jsontext.Decoder
	meter    *meter
	progress func(int64)
	objects  int
	last     string // the last whole object, for the message about a broken one
}

// object has the fields of all kinds that matter; they share no name that they
// would type differently.
type object struct {
	identity
	Spec        spec                       `json:"spec"`
	Status      status                     `json:"status"`
	AddressType discoveryv1.AddressType    `json:"addressType"`
	Endpoints   []discoveryv1.Endpoint     `json:"endpoints"`
	Ports       []discoveryv1.EndpointPort `json:"ports"`
}

// identity is what an object is.
type identity struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   metadata `json:"metadata"`
}

type metadata struct {
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	Labels    map[string]string `json:"labels"`
}

type spec struct {
	corev1.ServiceSpec
	PodCIDR  string   `json:"podCIDR"`
	PodCIDRs []string `json:"podCIDRs"`
}

type status struct {
	LoadBalancer corev1.LoadBalancerStatus `json:"loadBalancer"`
	Addresses    []corev1.NodeAddress      `json:"addresses"`
}

func (r *reader) all() error {
	for {
		r.meter.mark = r.dec.InputOffset()
		switch kind := r.dec.PeekKind(); kind {
		case '{':
			if err := r.document(); err != nil {
				return err
			}
		case '[':
			if err := r.array(""); err != nil {
				return err
			}
		default:
			t, err := r.dec.ReadToken()
			if err == io.EOF {
				return nil
			}
			if err == nil {
				err = fmt.Errorf("want an object, not a %s", t.Kind())
			}
			return err
		}
	}
}

// document reads an object of the stream: one that holds others, or one of a
// cluster. Which it is shows at its end only: kubectl prints a List's kind
// behind its items.
func (r *reader) document() error {
	var o object
	var bad error
	holds := false
	if _, err := r.dec.ReadToken(); err != nil { // the brace
		return err
	}
	start := r.dec.InputOffset() - 1
	for r.dec.PeekKind() != '}' {
		t, err := r.dec.ReadToken()
		if err != nil {
			return err
		}
		name := t.String()
		switch name {
		case "items":
			holds, err = true, r.array(strings.TrimSuffix(o.Kind, "List"))
		case "services":
			holds, err = true, r.array("Service")
		case "endpointSlices":
			holds, err = true, r.array("EndpointSlice")
		case "nodes":
			holds, err = true, r.array("Node")
		default:
			var wrong error
			if wrong, err = r.member(name, &o); wrong != nil && bad == nil {
				bad = wrong
			}
		}
		if err != nil {
			return err
		}
	}
	if _, err := r.dec.ReadToken(); err != nil { // the closing brace
		return err
	}
	if !holds {
		r.offset = start
		return r.add(&o, bad)
	}
	if o.Kind != "" && !strings.HasSuffix(o.Kind, "List") {
		return fmt.Errorf("the %s that starts at byte %d holds others as a List does", quote(o.Kind), start)
	}
	return nil
}

// member reads the value of one key of an object; wrong is what is wrong with
// its type.
func (r *reader) member(name string, o *object) (wrong, err error) {
	raw, err := r.dec.ReadValue()
	if err != nil {
		return nil, err
	}
	one := make([]byte, 0, len(raw)+len(name)+6)
	one, err = jsontext.AppendQuote(append(one, '{'), name)
	if err != nil {
		return nil, err
	}
	one = append(append(append(one, ':'), raw...), '}')
	return json.Unmarshal(one, o), nil
}

// array reads the value of a key that holds objects. Those without a kind are of
// the given one.
func (r *reader) array(kind string) error {
	switch r.dec.PeekKind() {
	case 'n':
		return r.dec.SkipValue() // none of them
	case '[':
	default:
		t, err := r.dec.ReadToken()
		if err == nil {
			err = fmt.Errorf("want an array of objects, not a %s", t.Kind())
		}
		return err
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for r.dec.PeekKind() != ']' {
		raw, err := r.dec.ReadValue()
		if err != nil {
			return err
		}
		r.offset = r.dec.InputOffset() - int64(len(raw))
		var o object
		bad := json.Unmarshal(raw, &o)
		if bad != nil {
			o.identity = identity{}
			_ = json.Unmarshal(raw, &o.identity) // as far as that goes: it is for the message
		}
		if o.Kind == "" {
			o.Kind = kind
		}
		if err := r.add(&o, bad); err != nil {
			return err
		}
		r.meter.mark = r.dec.InputOffset()
	}
	_, err := r.dec.ReadToken()
	return err
}

// add takes an object in; bad is what is wrong with the types of its values.
func (r *reader) add(o *object, bad error) error {
	r.objects++
	if r.objects > maxObjects {
		return fmt.Errorf("more than %d objects", maxObjects)
	}
	r.last = fmt.Sprintf("%s %s", quote(o.Kind), quote(strings.TrimPrefix(o.Metadata.Namespace+"/"+o.Metadata.Name, "/")))
	if r.progress != nil {
		r.progress(r.dec.InputOffset())
	}
	core := o.APIVersion == "v1" || o.APIVersion == ""
	kind := ""
	switch {
	case o.Kind == "Service" && core, o.Kind == "Node" && core:
		kind = o.Kind
	case o.Kind == "EndpointSlice" && (o.APIVersion == "discovery.k8s.io/v1" || o.APIVersion == ""):
		kind = o.Kind
	case o.Kind == "EndpointSlice" && o.APIVersion == "discovery.k8s.io/v1beta1":
		r.failer(o.Kind, o.Metadata.Namespace, o.Metadata.Name)("apiVersion", "is discovery.k8s.io/v1beta1; want discovery.k8s.io/v1, as kubectl prints it since Kubernetes 1.21")
		return nil
	case o.Kind == "":
		r.failer("object", o.Metadata.Namespace, o.Metadata.Name)("kind", "is missing; want Service, EndpointSlice or Node")
		return nil
	default:
		r.passedOver[plural(o)]++
		return nil
	}
	if bad != nil {
		field, message := mistyped(bad)
		r.failer(o.Kind, o.Metadata.Namespace, o.Metadata.Name)(field, "%s", message)
		return nil
	}
	meta := metav1.ObjectMeta{Namespace: o.Metadata.Namespace, Name: o.Metadata.Name, Labels: o.Metadata.Labels}
	switch kind {
	case "Service":
		s := corev1.Service{ObjectMeta: meta, Spec: o.Spec.ServiceSpec}
		s.Status.LoadBalancer = o.Status.LoadBalancer
		r.Service(&s)
	case "EndpointSlice":
		r.EndpointSlice(&discoveryv1.EndpointSlice{ObjectMeta: meta, AddressType: o.AddressType, Endpoints: o.Endpoints, Ports: o.Ports})
	case "Node":
		n := corev1.Node{ObjectMeta: meta}
		n.Spec.PodCIDR, n.Spec.PodCIDRs = o.Spec.PodCIDR, o.Spec.PodCIDRs
		n.Status.Addresses = o.Status.Addresses
		r.Node(&n)
	}
	return nil
}

// plural names the objects of another kind in a count.
func plural(o *object) string {
	name := "objects of kind " + quote(o.Kind)
	if o.APIVersion != "" && o.APIVersion != "v1" {
		name += " (" + quote(o.APIVersion) + ")"
	}
	return name
}

// mistyped says which field has a value that its type cannot hold.
func mistyped(err error) (field, message string) {
	wrong := (*json.SemanticError)(nil)
	if !errors.As(err, &wrong) {
		return "", err.Error()
	}
	for token := range wrong.JSONPointer.Tokens() {
		if _, err := strconv.Atoi(token); err == nil {
			field += "[" + token + "]"
			continue
		}
		field += "." + quote(token)
	}
	message = fmt.Sprintf("is a %s", wrong.JSONKind)
	if len(wrong.JSONValue) > 0 {
		message = "is " + clip(string(wrong.JSONValue))
	}
	return strings.TrimPrefix(field, "."), message + "; want " + jsonType(wrong.GoType)
}

// jsonType says which JSON a Go type is read from.
func jsonType(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == nil:
		return "another type"
	case t.Kind() == reflect.Int32:
		return "a whole number of 32 bits"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Slice:
		return "an array"
	case t.Kind() == reflect.Struct, t.Kind() == reflect.Map:
		return "an object"
	}
	return "a string"
}

// explain says where the input stopped being what it should be.
func (r *reader) explain(err error) error {
	if errors.Is(err, errTooLarge) {
		return fmt.Errorf("at byte %d: an object of more than %d MiB; no API server holds one", r.meter.mark, maxObject>>20)
	}
	behind := "no object came before"
	if r.last != "" {
		behind = "the last whole object is " + r.last
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the input ends in the middle, at byte %d; %s", r.meter.read, behind)
	}
	at := r.dec.InputOffset()
	if syntax := (*jsontext.SyntacticError)(nil); errors.As(err, &syntax) {
		return fmt.Errorf("at byte %d: is not the JSON that it should be: %w; %s", syntax.ByteOffset, syntax.Err, behind)
	}
	return fmt.Errorf("at byte %d: %w; %s", at, err, behind)
}

var errTooLarge = errors.New("too large an object")

// meter reads on and refuses when what is read since the mark is too large for
// one object, which a Decoder holds in memory.
type meter struct {
	in   io.Reader
	read int64
	mark int64
}

func (m *meter) Read(p []byte) (int, error) {
	if m.read-m.mark > maxObject {
		return 0, errTooLarge
	}
	n, err := m.in.Read(p)
	m.read += int64(n)
	return n, err
}
