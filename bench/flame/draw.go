package main

import (
	"bytes"
	"cmp"
	"fmt"
	"html"
	"maps"
	"slices"
	"strings"
)

const (
	width, row, top = 1200.0, 17.0, 52.0
	charWidth       = 6.2 // of the font, about
)

// owners are whose code a function is, with a colour; the first that fits.
var owners = []struct {
	name, colour string
	prefixes     []string
}{
	{"kolk", "#8fc58f", []string{"github.com/kolkstream/kolk/"}},
	{"the workload's own functions", "#d9d27e", []string{"main."}},
	{"compression", "#d99b7e", []string{"github.com/klauspost/", "github.com/pierrec/", "hash/crc32"}},
	{"franz-go", "#8fb4d9", []string{"github.com/twmb/"}},
	{"Pebble", "#b79bd1", []string{"github.com/cockroachdb/"}},
	{"garbage collection", "#e0b0b0", []string{"runtime.gc", "runtime.bgsweep", "runtime.bgscavenge"}},
	{"runtime and library", "#d5d5d5", []string{""}},
}

func owner(name string) int {
	return slices.IndexFunc(owners, func(o struct {
		name, colour string
		prefixes     []string
	}) bool {
		return slices.ContainsFunc(o.prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
	})
}

// short is a function's name with the last element of its package's path.
func short(name string) string { return name[strings.LastIndex(name, "/")+1:] }

// draw returns the picture.
func draw(title string, root *node, shares []float64, least float64) []byte {
	var boxes bytes.Buffer
	smallest := max(1, int64(least*float64(root.value)))
	depth := 0
	var level func(n *node, x float64, at int)
	level = func(n *node, x float64, at int) {
		depth = max(depth, at)
		children := slices.SortedFunc(maps.Values(n.children), func(a, b *node) int {
			return cmp.Or(cmp.Compare(b.value, a.value), strings.Compare(a.name, b.name))
		})
		for _, c := range children {
			if c.value < smallest {
				return // nor are those behind it
			}
			share := float64(c.value) / float64(root.value)
			w := share * width
			name := html.EscapeString(short(c.name))
			fmt.Fprintf(&boxes, `<g><title>%s: %.1f %%</title><rect x="%.1f" y="%.0f" width="%.1f" height="16" fill="%s"/>`,
				name, 100*share, x, top+float64(at)*row, w-0.3, owners[owner(c.name)].colour)
			if room := int((w - 4) / charWidth); room >= 3 {
				label := short(c.name)
				if len(label) > room {
					label = label[:room-1] + "~"
				}
				fmt.Fprintf(&boxes, `<text x="%.1f" y="%.0f">%s</text>`, x+2, top+float64(at)*row+12, html.EscapeString(label))
			}
			boxes.WriteString("</g>\n")
			level(c, x, at+1)
			x += w
		}
	}
	level(root, 0, 0)
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="monospace" font-size="10.5">`+"\n", width, top+float64(depth)*row+4)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#fff"/><text x="4" y="16" font-size="14">%s: %.2f s of CPU time. Width is the share of it; callers stand above what they call.</text>`+"\n",
		html.EscapeString(title), float64(root.value)/1e9)
	x := 4.0
	for i, o := range owners {
		label := fmt.Sprintf("%s %.0f %%", o.name, 100*shares[i])
		fmt.Fprintf(&b, `<rect x="%.0f" y="27" width="11" height="11" fill="%s"/><text x="%.0f" y="37">%s</text>`+"\n", x, o.colour, x+15, html.EscapeString(label))
		x += 15 + float64(len(label)+2)*charWidth
	}
	b.Write(boxes.Bytes())
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// ownShares returns what part of the whole each owner's functions take themselves.
func ownShares(root *node) []float64 {
	sums := make([]int64, len(owners))
	own(root, sums)
	shares := make([]float64, len(owners))
	for i, s := range sums {
		shares[i] = float64(s) / float64(max(1, root.value))
	}
	return shares
}

// own adds up what functions take themselves, by owner. What the runtime and the library do is
// their caller's, garbage collection apart.
func own(root *node, shares []int64) {
	last := len(owners) - 1
	var walk func(n *node, of int)
	walk = func(n *node, of int) {
		if o := owner(n.name); o != last {
			of = o
		}
		self := n.value
		for _, c := range n.children {
			self -= c.value
			walk(c, of)
		}
		shares[of] += self
	}
	for _, c := range root.children {
		walk(c, last)
	}
}
