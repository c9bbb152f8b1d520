package main

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// counted is what a program that forwards every update gives.
func counted(d data, kind string, key func(*kgo.Record) string) (out []*kgo.Record) {
	counts := map[string]uint64{}
	d.records(kind, func(r *kgo.Record) {
		k := key(r)
		counts[k]++
		out = append(out, &kgo.Record{Key: []byte(k), Value: binary.BigEndian.AppendUint64(nil, counts[k]), Partition: partitionOf([]byte(k), d.partitions)})
	})
	return out
}

// final keeps the last record of every key.
func final(rs []*kgo.Record) (out []*kgo.Record) {
	seen := map[string]bool{}
	for _, r := range slices.Backward(rs) {
		if !seen[string(r.Key)] {
			seen[string(r.Key)] = true
			out = append(out, r)
		}
	}
	return out
}

func byKey(r *kgo.Record) string { return string(r.Key) }

// outputs are right ones, made without the code under test.
func outputs(t *testing.T, d data) map[string][]*kgo.Record {
	t.Helper()
	window := func(r *kgo.Record) string {
		start := r.Timestamp.UTC().Truncate(10_000_000_000) // ten seconds
		return string(r.Key) + "@" + itoa(start.UnixMilli())
	}
	field := func(r *kgo.Record) string { return string(r.Value[:bytes.IndexByte(r.Value, '|')]) }
	table := map[string]string{}
	for _, r := range all(d, right) {
		table[string(r.Key)] = string(r.Value)
	}
	var joined []*kgo.Record
	for _, r := range all(d, events) {
		joined = append(joined, &kgo.Record{Key: r.Key, Value: []byte(string(r.Value) + table[string(r.Key)]), Partition: r.Partition})
	}
	slices.Reverse(joined) // the order does not matter
	var pairs []*kgo.Record
	with := all(d, others)
	for _, l := range all(d, events) {
		for _, r := range with {
			if string(l.Key) == string(r.Key) && l.Timestamp.Sub(r.Timestamp).Abs() <= 5*time.Second {
				pairs = append(pairs, &kgo.Record{Key: l.Key, Value: append(bytes.Clone(l.Value), r.Value...), Partition: l.Partition})
			}
		}
	}
	return map[string][]*kgo.Record{
		"passthrough":   all(d, events),
		"count":         final(counted(d, events, byKey)),
		"count-nocache": counted(d, events, byKey),
		"table":         all(d, events),
		"window-count":  counted(d, events, window),
		"window-final":  final(counted(d, events, window)),
		"session-count": grown(d),
		"join-table":    joined,
		"join-stream":   pairs,
		"rekey-count":   counted(d, events, field),
	}
}

// grown is what a program gives that forwards every update of a session, and takes back those that
// are parts of larger ones.
func grown(d data) (out []*kgo.Record) {
	type session struct{ start, end, n int64 }
	open := map[string][]session{}
	d.records(events, func(r *kgo.Record) {
		key, at := string(r.Key), r.Timestamp.UnixMilli()
		say := func(s session, value []byte) {
			k := []byte(key + "@" + itoa(s.start) + "@" + itoa(s.end))
			out = append(out, &kgo.Record{Key: k, Value: value, Partition: partitionOf(k, d.partitions)})
		}
		now, apart := session{at, at, 1}, []session(nil)
		for _, s := range open[key] {
			if s.end < at-5000 || s.start > at+5000 {
				apart = append(apart, s)
				continue
			}
			say(s, nil)
			now = session{min(now.start, s.start), max(now.end, s.end), now.n + s.n}
		}
		open[key] = append(apart, now)
		say(now, binary.BigEndian.AppendUint64(nil, uint64(now.n)))
	})
	return out
}

func itoa(n int64) string {
	var digits []byte
	for ; n > 0; n /= 10 {
		digits = append(digits, byte('0'+n%10))
	}
	slices.Reverse(digits)
	return string(digits)
}

func judge(t *testing.T, workload string, d data, out []*kgo.Record) error {
	t.Helper()
	make, err := expect(workload, d)
	if err != nil {
		t.Fatal(err)
	}
	c := make()
	for _, r := range out {
		c.see(r)
	}
	return c.result()
}

func TestChecksAcceptWhatIsRight(t *testing.T) {
	d := testData()
	for workload, out := range outputs(t, d) {
		if err := judge(t, workload, d, out); err != nil {
			t.Errorf("%s: %v", workload, err)
		}
	}
}

func TestChecksRefuseWhatIsWrong(t *testing.T) {
	d := testData()
	right := outputs(t, d)
	last := func(rs []*kgo.Record) *kgo.Record { return rs[len(rs)-1] }
	changed := func(r *kgo.Record, change func(*kgo.Record)) *kgo.Record {
		c := *r
		c.Value = bytes.Clone(r.Value)
		change(&c)
		return &c
	}
	spoilt := map[string]func([]*kgo.Record) []*kgo.Record{
		"the last one is missing": func(rs []*kgo.Record) []*kgo.Record { return rs[:len(rs)-1] },
		"another value": func(rs []*kgo.Record) []*kgo.Record {
			return append(rs[:len(rs)-1:len(rs)-1], changed(last(rs), func(r *kgo.Record) { r.Value[len(r.Value)-1] += 100 }))
		},
		"an unknown key": func(rs []*kgo.Record) []*kgo.Record {
			return append(rs[:len(rs):len(rs)], changed(last(rs), func(r *kgo.Record) { r.Key = []byte("nobody"); r.Partition = partitionOf(r.Key, d.partitions) }))
		},
		"another partition": func(rs []*kgo.Record) []*kgo.Record {
			return append(rs[:len(rs)-1:len(rs)-1], changed(last(rs), func(r *kgo.Record) { r.Partition = (r.Partition + 1) % d.partitions }))
		},
	}
	for workload, rs := range right {
		for what, spoil := range spoilt {
			if err := judge(t, workload, d, spoil(rs)); err == nil {
				t.Errorf("%s: accepted although %s", workload, what)
			}
		}
	}
	for workload, c := range map[string]struct {
		out  []*kgo.Record
		says string
	}{
		"passthrough": {append(right["passthrough"][1:len(right["passthrough"]):len(right["passthrough"])], right["passthrough"][0]), "order"},
		// twice the same
		"count": {append(slices.Clone(right["count"]), right["count"][0]), "after"},
		// only the last ones
		"count-nocache": {right["count"], "updates are missing"},
		// updates
		"window-final": {right["window-count"], "a second result"},
		// twice
		"join-table":  {append(slices.Clone(right["join-table"]), right["join-table"][0]), "want"},
		"join-stream": {append(slices.Clone(right["join-stream"]), right["join-stream"][0]), "want"},
		// what was taken back is not
		"session-count": {slices.DeleteFunc(slices.Clone(right["session-count"]), func(r *kgo.Record) bool { return r.Value == nil }), "do not belong"},
	} {
		if err := judge(t, workload, d, c.out); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want an error with %q", workload, err, c.says)
		}
	}
}
