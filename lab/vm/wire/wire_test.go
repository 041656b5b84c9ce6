package wire

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

func frame(k Kind, payload string) []byte {
	h := Header(k, len(payload))
	return append(h[:], payload...)
}

func TestReader(t *testing.T) {
	long := strings.Repeat("x", MaxRecord)
	r := NewReader(bytes.NewReader(bytes.Join([][]byte{frame(Event, "a"), frame(Log, ""), frame(Done, long)}, nil)))
	for _, want := range []struct {
		kind    Kind
		payload string
	}{{Event, "a"}, {Log, ""}, {Done, long}} {
		k, b, err := r.Next()
		if err != nil || k != want.kind || string(b) != want.payload {
			t.Errorf("kind %c, %d bytes, error %v; want %c, %d bytes", k, len(b), err, want.kind, len(want.payload))
		}
	}
	if _, _, err := r.Next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestReaderRefuses(t *testing.T) {
	whole := frame(Event, "abc")
	for n := 1; n < len(whole); n++ {
		if _, _, err := NewReader(bytes.NewReader(whole[:n])).Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
	large := Header(Event, MaxRecord+1)
	for _, bad := range [][]byte{frame('?', ""), large[:]} {
		if _, _, err := NewReader(bytes.NewReader(bad)).Next(); err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestJob(t *testing.T) {
	for _, job := range []Job{
		{},
		{Args: []string{"worker", "", "a\x00b", "ü"}, Perturb: 7, Input: []byte("in")},
		{Input: bytes.Repeat([]byte("x"), JobPad)},
	} {
		b, err := job.Marshal()
		if err != nil || len(b)%JobPad != 0 {
			t.Fatalf("%d bytes, error %v", len(b), err)
		}
		got, err := UnmarshalJob(b)
		if err != nil {
			t.Fatal(err)
		}
		if len(job.Input) == 0 {
			got.Input = nil
		}
		if !reflect.DeepEqual(*got, job) {
			t.Errorf("got %+v, want %+v", *got, job)
		}
	}
	if _, err := (&Job{Input: make([]byte, MaxJob)}).Marshal(); err == nil {
		t.Error("a job that is too large was taken")
	}
}

func FuzzUnmarshalJob(f *testing.F) {
	b, err := (&Job{Args: []string{"a"}, Input: []byte("b")}).Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[:100])
	f.Add([]byte(jobMagic + "\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if j, err := UnmarshalJob(b); err == nil && len(j.Input) > len(b) {
			t.Errorf("%d bytes out of %d", len(j.Input), len(b))
		}
	})
}

func FuzzReader(f *testing.F) {
	f.Add(frame(Event, "abc"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(bytes.NewReader(b))
		for read := 0; ; {
			_, payload, err := r.Next()
			if err != nil {
				return
			}
			if read += 5 + len(payload); read > len(b) {
				t.Fatalf("%d bytes out of %d", read, len(b))
			}
		}
	})
}
