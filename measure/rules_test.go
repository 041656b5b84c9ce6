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

// A hundred rules that match nothing are found again with their size, in whole
// instructions a rule: once a connection in the table nat, whose chains the first packet
// of a flow passes alone, and once a packet in the table raw, so that connections that
// stay open pay for them there only. TestVMLoad runs this in the virtual clock.
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
	cost := func() (short, kept float64) {
		all := byConnection(t, measure.ConnectionRate{}, cell)
		for conn, v := range all {
			if v["lost/op"] != 0 {
				t.Errorf("%g of the requests over %s connections are lost", v["lost/op"], conn)
			}
		}
		return all["short"]["insns/op"], all["keep-alive"]["insns/op"]
	}
	if cell.Clock != lab.Virtual { // nothing is exact: the rules are in nobody's way
		extraRules(t, "nat", 100)
		cost()
		extraRules(t, "nat", 0)
		return
	}
	short, kept := cost()
	shortAgain, keptAgain := cost()
	t.Logf("without: %.1f insns a short connection, %.1f a request; again: %.1f, %.1f", short, kept, shortAgain, keptAgain)
	var perNat float64
	for _, n := range []int{100, 200} {
		extraRules(t, "nat", n)
		s, k := cost()
		extraRules(t, "nat", 0)
		t.Logf("%d rules in nat: %+.1f insns a short connection, %+.1f a request", n, s-short, k-kept)
		if n == 100 {
			perNat = s - short
			continue
		}
		if ratio := (s - short) / perNat; math.Abs(ratio-2) > 0.05 {
			t.Errorf("200 rules cost %.1f instructions and 100 cost %.1f", s-short, perNat)
		}
	}
	if perNat < 2500 || perNat > 2700 { // 26 instructions a rule
		t.Errorf("100 rules in nat cost %.1f instructions a connection, want 2600", perNat)
	}
	extraRules(t, "raw", 100)
	s, k := cost()
	extraRules(t, "raw", 0)
	t.Logf("100 rules in raw: %+.1f insns a short connection, %+.1f a request", s-short, k-kept)
	// A request and its reply are two packets; their acknowledgements ride along.
	if packets := (k - kept) / perNat; packets < 1.9 {
		t.Errorf("100 rules in raw cost %.1f instructions a request, which is %.2f packets", k-kept, packets)
	}
}

// extraRules puts n rules that nothing matches before all others of the chain PREROUTING; none
// takes them away.
func extraRules(t *testing.T, table string, n int) {
	t.Helper()
	var b strings.Builder
	b.WriteString("*" + table + "\n")
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
