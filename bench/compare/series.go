package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// axis is what a series of runs goes along: the same workloads with more and more keys, or
// partitions.
type axis struct {
	name   string // "" if there is nothing to go along
	values []int
}

// series reads the numbers of keys and of partitions into d, and returns the axis if one of them is
// a list.
//
// Along the keys all of them are in the state before anything is measured: a new key costs less
// than one that is there, and of many keys there would be many new ones.
func series(keys, partitions string, d *data) (axis, error) {
	ks, err := numbers(keys)
	if err != nil {
		return axis{}, fmt.Errorf("-keys: %w", err)
	}
	ps, err := numbers(partitions)
	if err != nil {
		return axis{}, fmt.Errorf("-partitions: %w", err)
	}
	d.keys, d.partitions = ks[0], int32(ps[0])
	switch {
	case len(ks) > 1 && len(ps) > 1:
		return axis{}, errors.New("several numbers of -keys and several of -partitions: one thing at a time")
	case len(ks) > 1:
		d.fill = true
		return axis{"keys", ks}, nil
	case len(ps) > 1:
		return axis{"partitions", ps}, nil
	}
	return axis{}, nil
}

func numbers(list string) ([]int, error) {
	var all []int
	for _, s := range strings.Split(list, ",") {
		n, err := strconv.Atoi(s)
		if err != nil {
			return nil, err
		}
		if n < 1 || n > 1<<30 {
			return nil, fmt.Errorf("%d is not from 1 to 2^30", n)
		}
		all = append(all, n)
	}
	return all, nil
}

// on returns the data with one value of the axis.
func (a axis) on(d data, value int) data {
	if a.name == "keys" {
		d.keys = value
	} else {
		d.partitions = int32(value)
	}
	return d
}

// point is what the runs of one program on one workload have shown with one value of the axis.
type point struct {
	kind
	value int
	runs  []result
}

// series runs everything with each value of the axis, and prints and draws what a record costs.
func (b *bench) series(ctx context.Context, w io.Writer, ps []program, o options) error {
	var points []point
	var failed error
	for _, value := range o.axis.values {
		b.data = o.axis.on(o.data, value)
		results, err := b.all(ctx, ps, o.workloads, o.runs)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%d %s: %w", value, o.axis.name, err))
		}
		for _, k := range kinds(results) {
			points = append(points, point{k, value, filter(results, func(r result) bool { return r.workload == k.workload && r.program == k.program })})
		}
		if ctx.Err() != nil {
			break
		}
		if err := b.cluster.remove(ctx, b.data.topic(events), b.data.topic(closed), b.data.topic(others), b.data.topic(right)); err != nil {
			return errors.Join(failed, err)
		}
	}
	b.seriesTable(w, o.axis, points)
	if o.plot != "" {
		title := fmt.Sprintf("CPU time of a record by number of %s", o.axis.name)
		failed = errors.Join(failed, os.WriteFile(o.plot, plot(title, o.axis, lines(points)), 0o644))
	}
	return failed
}

func (b *bench) seriesTable(w io.Writer, a axis, points []point) {
	measured := "over the second half"
	if b.data.fill {
		measured = "behind one event of each key"
	}
	fmt.Fprintf(w, "\n%d events, %s; %d B values, exactly-once, commits every %v, %d workers, seed %d, on %s. Medians of the runs that were right.\n\n",
		b.data.n, measured, b.data.valueBytes, b.settings.commit, b.settings.threads, b.data.seed, b.broker.name)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "workload\tprogram\t%s\tright\trec/CPU-s\tCPU us/rec\t/ %d\tcores\tpeak RSS MiB\tout records\t\n", a.name, a.values[0])
	slices.SortStableFunc(points, func(x, y point) int {
		return strings.Compare(x.workload+" "+x.program, y.workload+" "+y.program)
	})
	first := 0.0
	for _, p := range points {
		ok := p.ok()
		fmt.Fprintf(t, "%s\t%s\t%d\t%d/%d\t", p.workload, p.program, p.value, len(ok), len(p.runs))
		if p.value == a.values[0] {
			first = p.cost()
		}
		if len(ok) == 0 {
			fmt.Fprintln(t, strings.Repeat("-\t", 6))
			continue
		}
		fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%.2f\t%.0f\t%.0f\t\n", thousands(median(ok, result.perCPU)), p.cost(), p.cost()/max(first, 1e-3),
			median(ok, func(r result) float64 { return cores(r.cpu, r.wall) }),
			median(ok, func(r result) float64 { return float64(r.rss) / (1 << 20) }),
			median(ok, func(r result) float64 { return float64(r.output) }))
	}
	t.Flush()
}

func (p point) ok() []result {
	return filter(p.runs, func(r result) bool { return r.err == nil })
}

// cost is the median; 0 if no run was right.
func (p point) cost() float64 {
	if ok := p.ok(); len(ok) > 0 {
		return median(ok, result.cost)
	}
	return 0
}

// lines are the points by program and workload, those without a right run left out.
func lines(points []point) []line {
	var all []line
	for _, p := range points {
		name := p.program + " " + p.workload
		i := slices.IndexFunc(all, func(l line) bool { return l.name == name })
		if i < 0 {
			i = len(all)
			all = append(all, line{name: name})
		}
		if c := p.cost(); c > 0 {
			all[i].points = append(all[i].points, [2]float64{float64(p.value), c})
		}
	}
	return all
}
