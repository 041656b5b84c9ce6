package vm

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"github.com/svcmark/svcmark/lab"
)

// workers are what the tests run in a guest, by verb.
func workers() map[string]func(args []string) {
	return map[string]func([]string){
		"echo":   echo,
		"tools":  tools,
		"timing": timing,
		"count":  count,
		"flood":  flood,
		"oom":    oom,
		"panic":  func([]string) { must(os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0)) },
		"hang":   func([]string) { fmt.Println("hanging"); wait() },
		"spin":   func([]string) { fmt.Println("spinning"); spin() },
		"kill":   func([]string) { must(syscall.Kill(os.Getpid(), syscall.SIGTERM)) },
		"exit": func(args []string) {
			fmt.Fprintln(os.Stderr, "this is why")
			status, err := strconv.Atoi(args[0])
			must(err)
			os.Exit(status)
		},
		// One that ends and leaves a child behind, which holds its stdout.
		"leave":  func([]string) { must(exec.Command("/init", "hang").Start()) },
		"outlab": outlab,
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// wait waits for what never comes. The runtime would notice an empty select.
func wait() {
	r, _, err := os.Pipe()
	must(err)
	_, _ = r.Read(make([]byte, 1))
}

// spin computes what never ends.
func spin() {
	for n := 0; ; {
		n++
	}
}

// echo tells all that a worker is given.
func echo(args []string) {
	in, err := io.ReadAll(os.Stdin)
	must(err)
	fmt.Printf("args %q\n", args)
	fmt.Printf("input %d bytes, %d lines\n", len(in), bytes.Count(in, []byte("\n")))
	dir, err := os.Getwd()
	must(err)
	fmt.Printf("env %q dir %s uid %d pid1 %v\n", os.Environ(), dir, os.Getuid(), os.Getpid() == 1)
	fmt.Print("no newline")
}

// flood prints args[0] bytes in lines of 100.
func flood(args []string) {
	n, err := strconv.Atoi(args[0])
	must(err)
	line := strings.Repeat("x", 99) + "\n"
	_, err = io.CopyN(os.Stdout, strings.NewReader(strings.Repeat(line, n/100+1)), int64(n))
	must(err)
}

// oom takes memory until it is stopped.
func oom([]string) {
	type chunk struct {
		before *chunk
		bytes  [16 << 20]byte
	}
	var last *chunk
	for {
		last = &chunk{before: last}
		for i := 0; i < len(last.bytes); i += 4096 {
			last.bytes[i] = 1
		}
	}
}

// run runs a command and returns what it printed.
func run(name string, args ...string) string {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s %q: %v: %s\n", name, args, err, out)
		os.Exit(1)
	}
	return string(out)
}

// tools has every tool do something that needs its kernel modules, its libraries and its
// plugins.
func tools([]string) {
	for _, variant := range []string{"legacy", "nft"} {
		restore := exec.Command("iptables-"+variant+"-restore", "--noflush")
		restore.Stdin = strings.NewReader(`*nat
:KUBE-TEST - [0:0]
-A KUBE-TEST -m comment --comment "a:b" -m statistic --mode random --probability 0.5 -j MARK --set-mark 0x4000/0x4000
-A KUBE-TEST -p tcp -m tcp -d 10.0.0.1 --dport 80 -m recent --name x --rcheck --seconds 9 --reap -j DNAT --to-destination 10.0.0.2:80
-A KUBE-TEST -m addrtype --dst-type LOCAL -j MASQUERADE --random-fully
COMMIT
*filter
-A FORWARD -m conntrack --ctstate INVALID -m mark --mark 0x4000/0x4000 -j REJECT
COMMIT
`)
		if out, err := restore.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "iptables-%s-restore: %v: %s\n", variant, err, out)
			os.Exit(1)
		}
		fmt.Println(variant, strings.Count(run("iptables-"+variant+"-save"), "KUBE-TEST"))
	}
	run("ipset", "create", "s", "hash:ip,port")
	run("ipset", "add", "s", "10.0.0.1,tcp:80")
	run("iptables-legacy", "-A", "INPUT", "-m", "set", "--match-set", "s", "dst,dst", "-j", "ACCEPT")
	run("ipvsadm", "-A", "-t", "10.0.0.1:80", "-s", "rr")
	run("ipvsadm", "-a", "-t", "10.0.0.1:80", "-r", "10.0.0.2:80", "-m")
	fmt.Println("ipvs", strings.Count(run("ipvsadm", "-Ln"), "10.0.0."))
	run("ip", "link", "add", "kube-ipvs0", "type", "dummy")
	run("ip", "link", "add", "veth0", "type", "veth", "peer", "name", "veth1")
	fmt.Println("nft", strings.Contains(run("nft", "list", "ruleset"), "KUBE-TEST"))
	run("ip", "netns", "add", "pod")
	run("ip", "netns", "exec", "pod", "ip", "link", "set", "lo", "up")
}

// count prints how long loops of 100,000 and of 200,000 rounds take, at least.
func count([]string) {
	for _, n := range []int{100_000, 200_000} {
		least := int64(math.MaxInt64)
		for range 20 {
			from := lab.Now()
			spun := 0
			for i := range n {
				spun += i
			}
			least = min(least, lab.Now()-from+int64(spun&1)) // both sums are even
		}
		fmt.Println(least)
	}
}

// timing reads the clock around work of several kinds.
func timing([]string) {
	last := lab.Now()
	fmt.Println("start", last)
	mark := func(what string) {
		now := lab.Now()
		fmt.Println(what, now-last, now)
		last = lab.Now()
	}
	sum := 0
	for i := range 100_000 {
		sum += i
	}
	mark(fmt.Sprint("loop ", sum))
	for i := range 3 {
		run("ip", "link", "add", fmt.Sprint("d", i), "type", "dummy")
		mark("ip")
		run("iptables-legacy", "-t", "nat", "-A", "OUTPUT", "-d", fmt.Sprint("10.0.0.", i), "-j", "ACCEPT")
		mark("iptables-legacy")
		run("iptables-nft", "-t", "nat", "-A", "OUTPUT", "-d", fmt.Sprint("10.0.0.", i), "-j", "ACCEPT")
		mark("iptables-nft")
	}
	m := map[int]int{}
	for i := range 1000 {
		m[i] = i
	}
	for k := range m {
		fmt.Println("map order", k)
		break
	}
	c := make(chan int)
	go func() {
		for i := range 100 {
			c <- i
		}
		close(c)
	}()
	for range c {
	}
	mark("goroutines")
}
