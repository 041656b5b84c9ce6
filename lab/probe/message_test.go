package probe

import (
	"net/netip"
	"testing"
)

func TestAnswerSurvivesTheWire(t *testing.T) {
	for _, s := range []string{"10.160.0.1:8080", "[2001:db8::7]:53"} {
		want := Answer{Endpoint: netip.MustParseAddrPort(s), Client: netip.MustParseAddrPort("10.128.0.2:40000")}
		var b [MessageSize]byte
		want.Encode(&b)
		got, err := decode(b[:])
		if err != nil || got != want {
			t.Errorf("%v came back as %v, %v", want, got, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	var b [MessageSize]byte
	Answer{Endpoint: netip.MustParseAddrPort("10.0.0.1:1"), Client: netip.MustParseAddrPort("10.0.0.2:2")}.Encode(&b)
	f.Add(b[:])
	f.Add([]byte("HTTP/1.1 400 Bad Request"))
	f.Fuzz(func(t *testing.T, reply []byte) {
		a, err := decode(reply)
		if err != nil {
			return
		}
		var again [MessageSize]byte
		a.Encode(&again)
		back, err := decode(again[:])
		if err != nil || back != a {
			t.Fatalf("%v is not stable: %v, %v", a, back, err)
		}
	})
}
