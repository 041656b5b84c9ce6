package backends

import (
	"net/netip"
	"reflect"
	"testing"
)

func TestDiff(t *testing.T) {
	named := func(name string) ServicePort {
		p := full()
		p.Name = name
		return p
	}
	six := named("b")
	six.ClusterIP, six.ExternalIPs, six.LoadBalancerIPs, six.SourceRanges, six.Endpoints = netip.MustParseAddr("fd00::1"), nil, nil, nil, nil
	moved := named("c")
	moved.Endpoints = moved.Endpoints[:1]
	from := &State{Services: []ServicePort{named("a"), named("b"), six, named("c")}}
	to := &State{Services: []ServicePort{named("aa"), named("b"), moved, named("d")}}
	d := Diff(from, to)
	var got [][2]string
	for _, c := range d.Changes {
		var pair [2]string
		if c.Old != nil {
			pair[0] = c.Old.Name + " " + string(c.Old.Family())
		}
		if c.New != nil {
			pair[1] = c.New.Name + " " + string(c.New.Family())
		}
		got = append(got, pair)
	}
	want := [][2]string{{"a IPv4", ""}, {"b IPv6", ""}, {"", "aa IPv4"}, {"c IPv4", "c IPv4"}, {"", "d IPv4"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if d := Diff(from, from); len(d.Changes) != 0 || !d.SameNode() {
		t.Errorf("a State differs from itself: %v", d.Changes)
	}
}

// A field that equal forgets would be a change that no dataplane hears of.
func TestDiffSeesEveryField(t *testing.T) {
	for i := range reflect.TypeFor[ServicePort]().NumField() {
		p, q := full(), full()
		f := reflect.ValueOf(&q).Elem().Field(i)
		name := reflect.TypeFor[ServicePort]().Field(i).Name
		switch f.Kind() {
		case reflect.String:
			f.SetString("other")
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Uint16, reflect.Uint32:
			f.SetUint(7)
		case reflect.Slice:
			f.Set(f.Slice(0, f.Len()-1))
		default:
			f.Set(reflect.ValueOf(netip.MustParseAddr("10.96.0.99")))
		}
		if p.equal(&q) {
			t.Errorf("another %s goes unseen", name)
		}
	}
	for name, change := range map[string]func(*Endpoint){
		"Local":      func(e *Endpoint) { e.Local = true },
		"Conditions": func(e *Endpoint) { e.Conditions = Terminating },
		"Hints":      func(e *Endpoint) { e.Hints = &Hints{Zones: []string{"z"}} },
	} {
		p, q := full(), full()
		change(&q.Endpoints[1])
		if p.equal(&q) {
			t.Errorf("other %s of an endpoint go unseen", name)
		}
	}
}
