package nftables

import (
	"errors"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab/labtest"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// Where the whole works so does each piece of it: else Probe would name the
// wrong one.
func TestEveryPieceWorks(t *testing.T) {
	b := New(Layout136)
	err := b.Probe(t.Context())
	if missing := (*backends.NotSupportedError)(nil); errors.As(err, &missing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range backends.Families() {
		f := newFamily(of, nil, Layout136)
		for _, p := range pieces() {
			if err := b.try(t.Context(), p.script(f)); err != nil {
				t.Errorf("%s, family %s: %v", p.what, f.ip, err)
			}
		}
	}
}

// What the kernel refuses is told with what the tool said, and a piece's mend.
func TestAMissingPieceIsNamed(t *testing.T) {
	b := New(Layout136)
	if err := b.ready(t.Context()); err != nil {
		t.Skip(err)
	}
	f := newFamily(backends.IPv4, nil, Layout136)
	p := piece{"the match nonsense", "nft_nonsense", "CONFIG_NFT_NONSENSE", []string{"add rule %[1]s kube-proxy c nonsense"}}
	err := b.try(t.Context(), p.script(f))
	if r := (*refused)(nil); !errors.As(err, &r) || r.said == "" {
		t.Fatalf("nonsense gives %v, want what nft says of it", err)
	}
	var missing *backends.NotSupportedError
	if err := p.missing(f, err); !errors.Is(err, backends.ErrNotSupported) || !errors.As(err, &missing) ||
		missing.Mend != "modprobe nft_nonsense (CONFIG_NFT_NONSENSE)" || missing.Kernel == "" {
		t.Errorf("the refusal is %v", err)
	}
}

func TestRecent(t *testing.T) {
	for release, want := range map[string]bool{
		"4.19.0": false, "5.4.0-150-generic": false, "5.12.19": false, "5.13.0": true, "5.15": true, "6.1.0-56-cloud-amd64": true, "unknown": true,
	} {
		if got := recent(release); got != want {
			t.Errorf("recent(%q) = %t", release, got)
		}
	}
}
