package backendtest

import "slices"

// server is a real server as a scheduler of IPVS sees it.
type server struct {
	weight int
	active int // connections that are open
	inert  int // that are not open, and not yet forgotten
}

// opened counts a new connection. IPVS takes one for open when TCP says so
// (set_tcp_state in net/netfilter/ipvs/ip_vs_proto_tcp.c), and so UDP's never are.
func (s *server) opened(role string) {
	if role == alikeToo || role == elsewhere {
		s.inert++
	} else {
		s.active++
	}
}

// closed counts the end of a TCP connection, which is forgotten 10 s after a reset
// and two minutes after others: the script is over by then.
func (s *server) closed() {
	s.active--
	s.inert++
}

// load is what most schedulers compare (ip_vs_dest_conn_overhead in
// include/net/ip_vs.h).
func (s server) load() int { return s.active<<8 + s.inert }

// nobody is the choice of a scheduler that finds no real server.
const none = -1

// chooser gives the place of the real server that the next connection gets.
type chooser func([]server) int

// counting are the laws of the schedulers that look at weights, connections and
// their own last choices, and at nothing of the packet but its virtual server: each
// makes the chooser of a new virtual server. Its real servers are in the kernel's
// order, which begins with the one that was added last (__ip_vs_update_dest in
// net/netfilter/ipvs/ip_vs_ctl.c). The source of each law is the function
// ip_vs_NAME_schedule in net/netfilter/ipvs/ip_vs_NAME.c.
func counting() map[string]func([]server) chooser {
	stateless := func(c chooser) func([]server) chooser { return func([]server) chooser { return c } }
	return map[string]func([]server) chooser{
		"rr":    roundRobin,
		"wrr":   weightedRoundRobin,
		"lc":    stateless(func(all []server) int { return cheapest(all, server.load, func(server) int { return 1 }) }),
		"wlc":   stateless(weightedLeast),
		"sed":   stateless(shortestDelay),
		"nq":    stateless(neverQueue),
		"lblc":  locality,
		"lblcr": replicated,
		"fo":    stateless(failOver),
		"ovf":   stateless(overflow),
	}
}

// cheapest is the first real server in use with the smallest cost by share.
func cheapest(all []server, cost, share func(server) int) int {
	best := none
	for i, s := range all {
		if s.weight > 0 && (best < 0 || cost(s)*share(all[best]) < cost(all[best])*share(s)) {
			best = i
		}
	}
	return best
}

func (s server) share() int { return s.weight }

// delay is the connections that there are and the one to come.
func (s server) delay() int { return s.active + 1 }

func weightedLeast(all []server) int { return cheapest(all, server.load, server.share) }
func shortestDelay(all []server) int { return cheapest(all, server.delay, server.share) }

// neverQueue takes the first that has no open connection, and else the shortest
// delay.
func neverQueue(all []server) int {
	if i := slices.IndexFunc(all, func(s server) bool { return s.weight > 0 && s.active == 0 }); i >= 0 {
		return i
	}
	return shortestDelay(all)
}

// failOver takes the first of the greatest weight.
func failOver(all []server) int { return heaviest(all, func(s server) bool { return s.weight > 0 }) }

// overflow does so among those that have no more open connections than their
// weight: each takes one more than that.
func overflow(all []server) int {
	return heaviest(all, func(s server) bool { return s.weight > 0 && s.active <= s.weight })
}

func heaviest(all []server, may func(server) bool) int {
	best := none
	for i, s := range all {
		if may(s) && (best < 0 || s.weight > all[best].weight) {
			best = i
		}
	}
	return best
}

// roundRobin goes round from the one that it chose last.
func roundRobin([]server) chooser {
	last := -1
	return func(all []server) int {
		for i := range all {
			if at := (last + 1 + i) % len(all); all[at].weight > 0 {
				last = at
				return at
			}
		}
		return none
	}
}

// weightedRoundRobin goes round once for each level: those whose weight reaches it
// have a turn. Levels sink from the greatest weight in steps of the weights'
// greatest common divisor, and begin anew. The first round's level is what was
// left of the levels of fewer real servers (ip_vs_wrr_dest_changed).
func weightedRoundRobin(all []server) chooser {
	at, level, top, step, greatest := -1, 0, 0, 0, 0
	for _, s := range slices.Backward(all) { // as they were added
		greatest, step = max(greatest, s.weight), divisor(s.weight, step)
		top = greatest - (step - 1)
		switch {
		case level > top || level == 0:
			level = top
		case step > 1:
			level = level/step*step + 1
		}
	}
	return func(all []server) int {
		for range (top/max(step, 1) + 2) * (len(all) + 1) {
			if at++; at == len(all) {
				at = -1
				if level -= step; level <= 0 {
					level = top
				}
				continue
			}
			if all[at].weight >= level {
				return at
			}
		}
		return none
	}
}

func divisor(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// overloaded says whether a real server has more open connections than its weight
// while another has less than half of its own.
func overloaded(all []server, at int) bool {
	return all[at].active > all[at].weight &&
		slices.ContainsFunc(all, func(s server) bool { return 2*s.active < s.weight })
}

// locality stays with its choice for a destination, which one virtual server has one
// of, until that is overloaded.
func locality([]server) chooser {
	kept := none
	return func(all []server) int {
		if kept < 0 || all[kept].weight == 0 || overloaded(all, kept) {
			kept = weightedLeast(all)
		}
		return kept
	}
}

// replicated does so with the least loaded of a set, to which it adds one when that
// is overloaded. Of two that are loaded alike it takes the one that came later.
func replicated([]server) chooser {
	var set []int // the newest first
	return func(all []server) int {
		best := none
		for _, i := range set {
			if s := all[i]; s.weight > 0 && (best < 0 || s.load()*all[best].weight < all[best].load()*s.weight) {
				best = i
			}
		}
		if best < 0 || overloaded(all, best) {
			best = weightedLeast(all)
			if best >= 0 && !slices.Contains(set, best) {
				set = slices.Insert(set, 0, best)
			}
		}
		return best
	}
}
