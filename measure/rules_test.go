package measure_test

import (
	"context"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/svcmark/svcmark/backends/iptables"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/measure"
)

// Rules that match nothing are found again with their size, 26 instructions each: in a
// first packet, and in a short connection, whose first packet alone passes the table nat;
// requests over connections that stay open pay nothing for them. TestVMLoad runs this in
// the virtual clock.
func TestExtraRulesAreFoundAgain(t *testing.T) {
	b := iptables.New(iptables.Legacy)
	cell := loadCell(t, b)
	cell.Traffic.Duration = 20 * time.Millisecond // of the open loop, which is not asked here
	if err := cell.Program(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Cleanup(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	cost := func() (first, short, kept float64) {
		all := byConnection(t, measure.ConnectionRate{}, cell)
		rs, err := taken(t, measure.FirstPacket{}, cell)
		if err != nil {
			t.Fatal(err)
		}
		_, v := values(rs[0])
		return v[cell.Clock.TimeUnit()+"/op"], all["short"]["insns/op"], all["keep-alive"]["insns/op"]
	}
	if cell.Clock != lab.Virtual { // nothing is exact: it is enough that the rules are in nobody's way
		extraRules(t, 100)
		cost()
		extraRules(t, 0)
		return
	}
	cost() // what is done once is done
	first, short, kept := cost()
	const perRule = 26 // instructions
	extraRules(t, 100)
	f, _, _ := cost()
	t.Logf("100 rules: %+.1f insns a first packet", f-first)
	if math.Abs(f-first-100*perRule) > 0.05*100*perRule {
		t.Errorf("100 rules cost %.1f instructions a first packet, want %d", f-first, 100*perRule)
	}
	extraRules(t, 0)
	const many = 4000
	extraRules(t, many)
	_, s, k := cost()
	t.Logf("%d rules: %+.1f insns a short connection, %+.1f a request", many, s-short, k-kept)
	// Connections come together in ways that are not the same twice: a few thousand
	// instructions each.
	if math.Abs(s-short-many*perRule) > 0.1*many*perRule {
		t.Errorf("%d rules cost %.1f instructions a short connection, want %d", many, s-short, many*perRule)
	}
	if math.Abs(k-kept) > 0.1*many*perRule {
		t.Errorf("%d rules that new flows pass alone cost %.1f instructions a request of an open one", many, k-kept)
	}
	extraRules(t, 0)
}

// extraRules puts n rules that nothing matches before all others of the chain PREROUTING; none
// takes them away.
func extraRules(t *testing.T, n int) {
	t.Helper()
	var b strings.Builder
	b.WriteString("*nat\n")
	for i := range max(n, extras) {
		if n > 0 {
			b.WriteString("-I PREROUTING -d 203.0.113." + strconv.Itoa(i%250+1) + "/32 -j RETURN\n")
		} else {
			b.WriteString("-D PREROUTING 1\n")
		}
	}
	b.WriteString("COMMIT\n")
	extras = n
	cmd := exec.Command("iptables-legacy-restore", "--noflush")
	cmd.Stdin = strings.NewReader(b.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%d extra rules: %v: %s", n, err, out)
	}
}

// extras is how many there are.
var extras int
