package nftables

// write makes the ServicePort's chains and affinity sets, and their rules. A
// set is made anew when its timeout changes: kernels before 6.2 keep the old
// one without a word. had gives the timeouts of the sets that are there.
func (s *served) write(w *script, exists func(chain string) bool, had map[string]uint32) {
	for _, c := range s.chains() {
		w.cmd("add chain").str(c).end()
		if exists(c) {
			w.cmd("flush chain").str(c).end()
		}
	}
	for _, set := range s.affinitySets() {
		if timeout, ok := had[set]; ok && timeout != s.AffinitySeconds {
			w.cmd("delete set").str(set).end()
		}
		s.affinitySet(w, set)
	}
	s.rules(w)
}
