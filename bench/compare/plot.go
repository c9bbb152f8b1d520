package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"

	"github.com/dustin/go-humanize"
)

// line is one line of a plot.
type line struct {
	name   string
	points [][2]float64 // x, y
}

const (
	plotWidth, plotHeight = 900.0, 460.0
	plotLeft, plotTop     = 60.0, 50.0
	plotRight, plotBottom = 690.0, 410.0 // the legend is on the right
	plotText              = `font-family="sans-serif" font-size="13"`
	plotInk, plotPale     = "#333", "#ddd"
)

var plotColours = []string{"#2a7f3f", "#7b52ab", "#c2691c", "#2f6db5", "#a83246", "#777", "#1b9e9e", "#b8a11d"}

// plot draws lines, as SVG: the axis is logarithmic, microseconds of CPU time are not, and begin
// at 0.
func plot(title string, a axis, lines []line) []byte {
	most := 0.0
	for _, l := range lines {
		for _, p := range l.points {
			most = max(most, p[1])
		}
	}
	step := niceStep(most)
	top := max(step, step*math.Ceil(most/step))
	least, last := math.Log(float64(slices.Min(a.values))), math.Log(float64(slices.Max(a.values)))
	x := func(v float64) float64 {
		return plotLeft + 30 + (plotRight-plotLeft-60)*(math.Log(v)-least)/max(last-least, 1e-9)
	}
	y := func(v float64) float64 { return plotBottom - (plotBottom-plotTop)*v/top }

	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" %s>`+"\n", plotWidth, plotHeight, plotText)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#fff"/><text x="%.0f" y="24" font-size="16" fill="%s">%s</text>`+"\n", plotLeft, plotInk, html.EscapeString(title))
	for i := 0; float64(i)*step <= top*1.0001; i++ {
		v := float64(i) * step
		fmt.Fprintf(&b, `<line x1="%.0f" x2="%.0f" y1="%.1f" y2="%.1f" stroke="%s"/><text x="%.0f" y="%.1f" text-anchor="end" fill="%s">%s</text>`+"\n",
			plotLeft, plotRight, y(v), y(v), plotPale, plotLeft-8, y(v)+4, plotInk, strconv.FormatFloat(v, 'g', 4, 64))
	}
	for _, v := range a.values {
		fmt.Fprintf(&b, `<line x1="%[1]f" x2="%[1]f" y1="%.0[2]f" y2="%.0[3]f" stroke="%[4]s"/><text x="%.1[1]f" y="%.0[5]f" text-anchor="middle" fill="%[6]s">%[7]s</text>`+"\n",
			x(float64(v)), plotTop, plotBottom, plotPale, plotBottom+20, plotInk, humanize.Comma(int64(v)))
	}
	fmt.Fprintf(&b, `<text x="%.0f" y="%.0f" text-anchor="middle" fill="%s">%s (logarithmic)</text>`+"\n", (plotLeft+plotRight)/2, plotBottom+42, plotInk, html.EscapeString(a.name))
	fmt.Fprintf(&b, `<text x="%.0f" y="%.0f" fill="%s">microseconds of CPU time</text>`+"\n", plotLeft-40, plotTop-10, plotInk)
	for i, l := range lines {
		colour := plotColours[i%len(plotColours)]
		b.WriteString(`<polyline fill="none" stroke-width="2" stroke="` + colour + `" points="`)
		for _, p := range l.points {
			fmt.Fprintf(&b, "%.1f,%.1f ", x(p[0]), y(p[1]))
		}
		b.WriteString(`"/>` + "\n")
		for _, p := range l.points {
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="4" fill="%s"><title>%s, %s %s: %.2f us</title></circle>`+"\n",
				x(p[0]), y(p[1]), colour, html.EscapeString(l.name), humanize.Comma(int64(p[0])), html.EscapeString(a.name), p[1])
		}
		at := plotTop + 10 + 22*float64(i)
		fmt.Fprintf(&b, `<rect x="%.0f" y="%.0f" width="14" height="4" fill="%s"/><text x="%.0f" y="%.0f" fill="%s">%s</text>`+"\n",
			plotRight+20, at-6, colour, plotRight+42, at, plotInk, html.EscapeString(l.name))
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// niceStep is 1, 2 or 5 times a power of ten, so that most takes 4 to 10 of them.
func niceStep(most float64) float64 {
	if most <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(most/4)))
	for _, f := range []float64{5, 2} {
		if most/(f*power) >= 4 {
			return f * power
		}
	}
	return power
}
