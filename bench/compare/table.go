package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// measureOf is the program and workload that another workload's ratio refers to, apart from its
// own.
func measureOf(workload string) (program, other string) {
	if workload == "table" {
		// which writes as much: every update to the changelog and to the output
		return loop, "count-nocache"
	}
	return loop, workload
}

// table prints the medians of all runs.
func (b *bench) table(w io.Writer, results []result) {
	fmt.Fprintf(w, "\n%d events, %d keys, %d B values, %d partitions, exactly-once, commits every %v, %d workers, seed %d, on %s.\n",
		b.data.n, b.data.keys, b.data.valueBytes, b.data.partitions, b.settings.commit, b.settings.threads, b.data.seed, b.broker.name)
	fmt.Fprintf(w, "Medians of the runs that were right; \"2nd half\" is over the second half of the input; ratios are of records per CPU-second there, run by run.\n\n")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "workload\tprogram\tright\trec/s\trec/s 2nd half\trec/CPU-s\trec/CPU-s 2nd half\t/ loop\t/ kafka-streams\t1st commit s\tcores\tbroker cores\tpeak RSS MiB\tout records\t")
	for _, k := range kinds(results) {
		all := filter(results, func(r result) bool { return r.workload == k.workload && r.program == k.program })
		ok := filter(all, func(r result) bool { return r.err == nil })
		fmt.Fprintf(t, "%s\t%s\t%d/%d\t", k.workload, k.program, len(ok), len(all))
		if len(ok) == 0 {
			fmt.Fprintln(t, strings.Repeat("-\t", 11))
			continue
		}
		of, other := measureOf(k.workload)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%.2f\t%.2f\t%s\t%.0f\t%.0f\t\n",
			thousands(median(ok, func(r result) float64 { return perSecond(r.records, r.wall) })),
			thousands(median(ok, func(r result) float64 { return perSecond(r.half, r.halfWall) })),
			thousands(median(ok, func(r result) float64 { return perSecond(r.records, r.cpu) })),
			thousands(median(ok, result.perCPU)),
			ratio(results, k.workload, k.program, of, other),
			ratio(results, k.workload, k.program, kafkaStreams, k.workload),
			median(ok, func(r result) float64 { return r.first.Seconds() }),
			median(ok, func(r result) float64 { return cores(r.cpu, r.wall) }),
			brokerCores(ok),
			median(ok, func(r result) float64 { return float64(r.rss) / (1 << 20) }),
			median(ok, func(r result) float64 { return float64(r.output) }))
	}
	t.Flush()
	b.verdict(w, results)
}

// verdict says how far the broker has stood in the way.
func (b *bench) verdict(w io.Writer, results []result) {
	var share []float64
	var busiest result
	for _, r := range results {
		if r.err == nil && r.knowBroker && r.cpu+r.brokerCPU > 0 {
			share = append(share, r.brokerCPU.Seconds()/(r.cpu+r.brokerCPU).Seconds())
			if cores(r.brokerCPU, r.wall) > cores(busiest.brokerCPU, busiest.wall) {
				busiest = r
			}
		}
	}
	if len(share) == 0 {
		return
	}
	slices.Sort(share)
	fmt.Fprintf(w, "\nThe broker took %.0f to %.0f %% of the CPU time of broker and program, and at most %.2f cores (%s, %s).\n",
		100*share[0], 100*share[len(share)-1], cores(busiest.brokerCPU, busiest.wall), busiest.workload, busiest.program)
	fmt.Fprintln(w, "Records per CPU-second are the program's own and do not wait for the broker; records per second do.")
}

type kind struct{ workload, program string }

// kinds are the rows, in the order of the runs.
func kinds(results []result) []kind {
	var ks []kind
	for _, r := range results {
		if k := (kind{r.workload, r.program}); !slices.Contains(ks, k) {
			ks = append(ks, k)
		}
	}
	order := map[string]int{}
	for _, k := range ks {
		if _, ok := order[k.workload]; !ok {
			order[k.workload] = len(order)
		}
	}
	slices.SortStableFunc(ks, func(a, b kind) int { return cmp.Compare(order[a.workload], order[b.workload]) })
	return ks
}

// ratio compares the n-th run of one with the n-th run of the other, which ran next to it, and
// takes the median.
func ratio(results []result, workload, program, ofProgram, ofWorkload string) string {
	if program == ofProgram && workload == ofWorkload {
		return "1"
	}
	a := filter(results, func(r result) bool { return r.workload == workload && r.program == program })
	b := filter(results, func(r result) bool { return r.workload == ofWorkload && r.program == ofProgram })
	var ratios []float64
	for i := range min(len(a), len(b)) {
		if a[i].err == nil && b[i].err == nil && b[i].perCPU() > 0 {
			ratios = append(ratios, a[i].perCPU()/b[i].perCPU())
		}
	}
	if len(ratios) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", middle(ratios))
}

func brokerCores(rs []result) string {
	if !rs[0].knowBroker {
		return "-"
	}
	return fmt.Sprintf("%.2f", median(rs, func(r result) float64 { return cores(r.brokerCPU, r.wall) }))
}

func cores(cpu, wall time.Duration) float64 {
	if wall <= 0 {
		return 0
	}
	return cpu.Seconds() / wall.Seconds()
}

func median(rs []result, of func(result) float64) float64 {
	var values []float64
	for _, r := range rs {
		values = append(values, of(r))
	}
	return middle(values)
}

// middle is the median; of an even number, the mean of the two in the middle.
func middle(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

func filter(rs []result, keep func(result) bool) []result {
	var kept []result
	for _, r := range rs {
		if keep(r) {
			kept = append(kept, r)
		}
	}
	return kept
}

func thousands(f float64) string { return fmt.Sprintf("%.0f k", f/1000) }

// line says in one line what a run has shown.
func (r result) line() string {
	if r.err != nil {
		return fmt.Sprintf("%s %s: FAILED: %v", r.workload, r.program, r.err)
	}
	return fmt.Sprintf("%s %s: %s rec/s, 2nd half %s rec/s and %s rec/CPU-s, %d records out, right", r.workload, r.program,
		thousands(perSecond(r.records, r.wall)), thousands(perSecond(r.half, r.halfWall)), thousands(r.perCPU()), r.output)
}
