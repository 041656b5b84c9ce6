package results

import (
	"reflect"
	"testing"
)

// A field that is added to Fingerprint must reach Diff: each one, changed
// alone, gives exactly one difference, under its name in run.json.
func TestDiffKnowsEveryField(t *testing.T) {
	typ := reflect.TypeFor[Fingerprint]()
	for i := range typ.NumField() {
		var b Fingerprint
		want := Difference{Field: jsonName(typ.Field(i)), B: "new"}
		switch f := reflect.ValueOf(&b).Elem().Field(i); f.Kind() {
		case reflect.String:
			f.SetString("new")
		case reflect.Uint64:
			f.SetUint(7)
			want.A, want.B = "0", "7"
		case reflect.Map:
			f.Set(reflect.ValueOf(map[string]string{"ipset": "new"}))
			want.Field += ".ipset"
		default:
			t.Fatalf("no case for %s", typ.Field(i).Name)
		}
		if got := Diff(Fingerprint{}, b); !reflect.DeepEqual(got, []Difference{want}) {
			t.Errorf("%s: got %+v, want %+v", typ.Field(i).Name, got, want)
		}
		if got := Diff(b, b); got != nil {
			t.Errorf("%s: equal ones differ: %+v", typ.Field(i).Name, got)
		}
	}
}

func jsonName(f reflect.StructField) string {
	name := f.Tag.Get("json")
	for i, r := range name {
		if r == ',' {
			return name[:i]
		}
	}
	return name
}
