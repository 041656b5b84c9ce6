package nftables

import (
	"cmp"
	"slices"

	"github.com/svcmark/svcmark/backends"
)

// element is a key in one of the containers, as nft writes it.
type element struct {
	container
	key string
}

// verdict is what a map's element leads to, the zero verdict in a set.
type verdict struct{ to, comment string }

// write writes an element of a set or a map.
func (e element) write(w *script, v verdict) {
	w.cmd("add element").str(e.name(), " { ", e.key).comment(v.comment)
	if v.to != "" {
		w.str(" : ", v.to)
	}
	w.str(" }").end()
}

func (e element) compare(f element) int {
	return cmp.Or(cmp.Compare(e.container, f.container), cmp.Compare(e.key, f.key))
}

func (e element) remove(w *script) { w.cmd("delete element").str(e.name(), " { ", e.key, " }").end() }

// claim is a ServicePort's wish for an element.
type claim struct {
	by *backends.ServicePort
	verdict
}

// claims are all wishes for elements. Several ServicePorts have one ClusterIP,
// or one local endpoint. They may also want an element each for itself: an
// external IP and port that both have. kube-proxy walks a Go map, and the last
// it comes to wins; here it is the first in the order of ServicePort.Compare.
type claims map[element][]claim

// add adds a ServicePort's claim. All that it has of one element are added one
// after the other, and the last counts.
func (c claims) add(p *backends.ServicePort, e element, v verdict) {
	list := c[e]
	if n := len(list); n > 0 && list[n-1].by == p {
		list[n-1].verdict = v
		return
	}
	c[e] = append(list, claim{p, v})
}

func (c claims) remove(p *backends.ServicePort, e element) {
	list := slices.DeleteFunc(c[e], func(l claim) bool { return l.by.Key() == p.Key() })
	if len(list) == 0 {
		delete(c, e)
		return
	}
	c[e] = list
}

// winner is the verdict that an element has, false when nobody wants it.
func (c claims) winner(e element) (verdict, bool) {
	list := c[e]
	if len(list) == 0 {
		return verdict{}, false
	}
	best := slices.MinFunc(list, func(a, b claim) int { return a.by.Compare(b.by) })
	return best.verdict, true
}

// byContainer orders elements so that those of one container are together, which
// nft sends to the kernel as one message, and leaves their order else.
func byContainer(elements []element) {
	slices.SortStableFunc(elements, func(a, b element) int { return cmp.Compare(a.container, b.container) })
}
