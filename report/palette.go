package report

import (
	"hash/fnv"
	"image/color"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// look is how one backend is drawn, everywhere and in every run: a colour, and
// a marker for those who see no colours or print without.
type look struct {
	color  color.RGBA
	marker marker
	dashed bool // nobody here has measured it
}

// line is the look's, of a width.
func (l look) line(width vg.Length) draw.LineStyle {
	s := draw.LineStyle{Color: l.color, Width: width}
	if l.dashed {
		s.Dashes = []vg.Length{4, 2.5}
	}
	return s
}

// The colours of Okabe and Ito, Color Universal Design (2008),
// https://jfly.uni-koeln.de/color/, which people of every kind of colour vision
// tell apart. Yellow is left out: it is not seen on white.
var (
	black         = color.RGBA{0x00, 0x00, 0x00, 0xff}
	orange        = color.RGBA{0xe6, 0x9f, 0x00, 0xff}
	skyBlue       = color.RGBA{0x56, 0xb4, 0xe9, 0xff}
	bluishGreen   = color.RGBA{0x00, 0x9e, 0x73, 0xff}
	blue          = color.RGBA{0x00, 0x72, 0xb2, 0xff}
	vermillion    = color.RGBA{0xd5, 0x5e, 0x00, 0xff}
	reddishPurple = color.RGBA{0xcc, 0x79, 0xa7, 0xff}
	grey          = color.RGBA{0x80, 0x80, 0x80, 0xff}
)

// full is how full the look's colour is where it fills a bar.
func (l look) full() float64 {
	if l.dashed {
		return 0.4
	}
	return 1
}

// looks is every look, in a fixed order: a place in it is for ever.
var looks = []look{
	{color: grey, marker: marker{sides: 0, hollow: true}},
	{color: vermillion, marker: marker{sides: 0}},
	{color: orange, marker: marker{sides: 4, turn: 45}},
	{color: blue, marker: marker{sides: 3}},
	{color: bluishGreen, marker: marker{sides: 4}},
	{color: reddishPurple, marker: marker{sides: 3, turn: 180}},
	{color: skyBlue, marker: marker{sides: 5}},
	{color: black, marker: marker{sides: 4, turn: 45, hollow: true}},
}

// known holds the places of the names that most runs have. It is taste, not
// knowledge: a backend that is not here gets a place from its name.
var known = []string{"direct", "iptables-legacy", "iptables-nft", "ipvs", "nftables", "ebpf-socket", "userspace"}

// looksOf gives each backend a look. A known name has its own. Another one has
// the place that its name's hash says, so that it keeps it from run to run; when
// that is taken within these names, the next free one, in alphabetical order.
// Where all places are taken the next ones have their colours and markers, filled
// where those are hollow and hollow where they are filled: enough for all
// schedulers of ipvs. With still more names some look alike.
func looksOf(backends []string) map[string]look {
	places := map[string]int{}
	taken := map[int]bool{}
	var others []string
	for _, b := range backends {
		if i := slices.Index(known, b); i >= 0 {
			places[b] = i
			taken[i] = true
		} else {
			others = append(others, b)
		}
	}
	slices.Sort(others)
	for _, b := range slices.Compact(others) {
		h := fnv.New32a()
		_, _ = h.Write([]byte(b)) // never fails
		place := free(taken, int(h.Sum32()%uint32(len(looks))))
		places[b] = place
		taken[place] = true
	}
	m := map[string]look{}
	for b, i := range places {
		l := looks[i%len(looks)]
		if i >= len(looks) {
			l.marker.hollow = !l.marker.hollow
		}
		m[b] = l
	}
	return m
}

// free is the first place from one on that is not taken, of two rounds, or that one
// when all are.
func free(taken map[int]bool, from int) int {
	for i := range 2 * len(looks) {
		place := i/len(looks)*len(looks) + (from+i)%len(looks)
		if !taken[place] {
			return place
		}
	}
	return from
}

// tint mixes a colour with white: 1 is the colour itself.
func tint(c color.RGBA, share float64) color.RGBA {
	mix := func(v uint8) uint8 { return uint8(255 - share*(255-float64(v))) }
	return color.RGBA{mix(c.R), mix(c.G), mix(c.B), 0xff}
}
