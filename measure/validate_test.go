//go:build validate

package measure_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/probe"
	"github.com/svcmark/svcmark/measure"
	"github.com/svcmark/svcmark/results"
)

// These set what svcmark measures beside what tools of other authors say of the same
// path, one after the other, several times. docs/validation.md has
// the figures. They need wrk, iperf3 and sockperf: make validate.

const rounds = 5

// againstTool runs ours and theirs in turn and compares the best of each: whatever else
// runs on the machine makes both worse only. within is the largest quotient that passes,
// either way; medians and worst are logged.
func againstTool(t *testing.T, what, unit string, better results.Better, within float64, ours, theirs func() float64) {
	t.Helper()
	var us, them []float64
	for range rounds {
		us, them = append(us, ours()), append(them, theirs())
	}
	for _, values := range [][]float64{us, them} {
		slices.Sort(values)
		if better == results.Higher {
			slices.Reverse(values)
		}
	}
	t.Logf("%s, %s, best, median and worst of %d: svcmark %.4g %.4g %.4g, the tool %.4g %.4g %.4g; quotient of the best %.3f",
		what, unit, rounds, us[0], us[rounds/2], us[rounds-1], them[0], them[rounds/2], them[rounds-1], us[0]/them[0])
	if us[0]/them[0] > within || them[0]/us[0] > within {
		t.Errorf("%s: the best are %.4g and %.4g %s, further apart than %g times", what, us[0], them[0], unit, within)
	}
}

// tool runs a program in a host of the lab.
func tool(t *testing.T, h *lab.Host, name string, args ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	err := h.Do(func() error {
		cmd := exec.Command(name, args...)
		cmd.Stdout, cmd.Stderr = &out, &out
		return cmd.Run()
	})
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out.Bytes())
	}
	return out.Bytes()
}

// figure is the number that a pattern finds.
func figure(t *testing.T, pattern string, text []byte) float64 {
	t.Helper()
	m := regexp.MustCompile(pattern).FindSubmatch(text)
	if m == nil {
		t.Fatalf("%s is not in\n%s", pattern, text)
	}
	v, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// bilingual answers requests of ours and of HTTP on the node.
func bilingual(t *testing.T) netip.AddrPort {
	t.Helper()
	return answering(t, answerBoth)
}

func answerBoth(conn net.Conn) {
	defer conn.Close()
	var ours [probe.MessageSize]byte
	probe.Answer{}.Encode(&ours)
	b := make([]byte, 4096)
	for {
		n, err := conn.Read(b)
		if err != nil {
			return
		}
		answer, last := ours[:], false
		if bytes.HasPrefix(b[:n], []byte("GET ")) {
			answer = []byte("HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz") // about as long
			last = bytes.Contains(b[:n], []byte("Connection: close"))
		}
		if _, err := conn.Write(answer); err != nil || last {
			return
		}
	}
}

// The rate of connections is wrk's, over short ones and over open ones.
func TestValidateConnectionRateAgainstWrk(t *testing.T) {
	at := bilingual(t)
	cell := loadCell(t, dialed{target: func(*backends.ServicePort) netip.AddrPort { return at }})
	cell.Traffic = measure.Traffic{Rate: 100, Duration: time.Second, Clients: 4}
	for conn, header := range map[string]string{"short": "close", "keep-alive": "keep-alive"} {
		againstTool(t, conn, "requests/s", results.Higher, 1.5,
			func() float64 { return byConnection(t, measure.ConnectionRate{}, cell)[conn]["requests/s"] },
			func() float64 {
				out := tool(t, cell.Topology.Client, "wrk", "-t1", "-c4", "-d1s", "-H", "Connection: "+header, fmt.Sprintf("http://%s/", at))
				return figure(t, `Requests/sec:\s+([0-9.]+)`, out)
			})
	}
}

// inHost starts a server in a host of the lab, and ends it with the test.
func inHost(t *testing.T, h *lab.Host, name string, args ...string) {
	t.Helper()
	var cmd *exec.Cmd
	if err := h.Do(func() error {
		cmd = exec.Command(name, args...)
		cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
		return cmd.Start()
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
}

// answers waits until something listens.
func answers(t *testing.T, h *lab.Host, at netip.AddrPort) {
	t.Helper()
	err := h.Do(func() (err error) {
		for range 100 {
			f, err := probe.OpenFlow(backends.TCP, at, time.Second)
			if err == nil {
				f.Close()
				return nil
			}
			time.Sleep(20 * time.Millisecond)
		}
		return fmt.Errorf("%s does not answer", at)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The throughput of a stream is iperf3's.
func TestValidateThroughputAgainstIperf3(t *testing.T) {
	cell := loadCell(t, dialed{target: right})
	cell.Traffic.Duration = time.Second
	host := netip.AddrPortFrom(right(&cell.State.Services[0]).Addr(), 5201)
	inHost(t, cell.Topology.Endpoints[0], "iperf3", "-s", "-p", "5201")
	answers(t, cell.Topology.Client, host)
	againstTool(t, "a TCP stream", "B/s", results.Higher, 1.5,
		func() float64 {
			rs, err := taken(t, measure.Throughput{}, cell)
			if err != nil {
				t.Fatal(err)
			}
			_, v := values(rs[0])
			return v["B/s"]
		},
		func() float64 {
			var said struct {
				End struct {
					Received struct {
						Bits float64 `json:"bits_per_second"`
					} `json:"sum_received"`
				} `json:"end"`
			}
			if err := json.Unmarshal(tool(t, cell.Topology.Client, "iperf3", "-c", host.Addr().String(), "-t", "1", "-l", "1M", "-J"), &said); err != nil {
				t.Fatal(err)
			}
			return said.End.Received.Bits / 8
		})
}

// The time of a round trip is twice the latency that sockperf says.
func TestValidateRoundTripAgainstSockperf(t *testing.T) {
	cell := loadCell(t, dialed{target: right})
	cell.Operations = 5000
	host := netip.AddrPortFrom(right(&cell.State.Services[0]).Addr(), 11111)
	inHost(t, cell.Topology.Endpoints[0], "sockperf", "server", "--tcp", "-i", host.Addr().String(), "-p", "11111")
	answers(t, cell.Topology.Client, host)
	againstTool(t, "a round trip over TCP", "ns", results.Lower, 1.5,
		func() float64 {
			rs, err := taken(t, measure.RoundTrip{}, cell)
			if err != nil {
				t.Fatal(err)
			}
			_, v := values(rs[0])
			return v["ns/op"]
		},
		func() float64 {
			out := tool(t, cell.Topology.Client, "sockperf", "ping-pong", "--tcp", "-i", host.Addr().String(), "-p", "11111", "-m", "64", "-t", "1")
			return 2 * 1000 * figure(t, `percentile 50\.000 =\s+([0-9.]+)`, out)
		})
}
