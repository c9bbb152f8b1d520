package main

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// varier makes one case.
type varier struct{ *rand.Rand }

func (v varier) pick(of ...string) string { return of[v.IntN(len(of))] }

// vary returns a case of its own, made of one and of others.
func (v varier) vary(from kase, all []kase) kase {
	nodes := from.list("topology")
	steps := from.list("steps")
	if v.IntN(3) == 0 {
		second := all[v.IntN(len(all))]
		if joined := v.behind(nodes, second.list("topology")); joined != nil {
			nodes, steps = joined, append(slices.Clone(steps), second.list("steps")...)
		}
	}
	changed := make([]kase, len(nodes))
	for i, n := range nodes {
		changed[i] = maps.Clone(n)
		if v.IntN(3) == 0 {
			v.parameters(changed[i])
		}
	}
	kept(changed)
	return kase{
		"name": from.text("name"), "why": "a variation of " + from.text("name"),
		"topology": changed, "steps": v.steps(changed, steps),
	}
}

// behind puts a topology behind another: what the first writes to one of its topics the second
// reads in place of one of its inputs. It returns nil where the first has no stream to read.
func (v varier) behind(first, second []kase) []kase {
	showsTask := func(n kase) bool {
		// names of internal topics, and the time of a task that has all sub-topologies
		return n.text("op") == "process" && (n.text("fn") == "metadata" || strings.Contains(n.text("fn"), ":stream:"))
	}
	if slices.ContainsFunc(first, showsTask) || slices.ContainsFunc(second, showsTask) {
		return nil
	}
	var ends []string
	for _, n := range first {
		if n.text("op") == "to" && n.text("topicFn") == "" {
			in := n["in"].([]any)
			ends = append(ends, in[0].(string))
		}
	}
	sources := slices.DeleteFunc(slices.Clone(second), func(n kase) bool {
		return n.text("op") != "stream" && (n.text("op") != "table" || n["historyMs"] != nil) || n["topics"] != nil || n["timestampExtractor"] != nil
	})
	if len(ends) == 0 || len(sources) == 0 {
		return nil
	}
	end, source := ends[v.IntN(len(ends))], sources[v.IntN(len(sources))]
	all := slices.Clone(first)
	name := func(s string) string { return "b" + s }
	for _, n := range second {
		n = maps.Clone(n)
		for _, field := range []string{"id", "store", "default"} {
			if s := n.text(field); s != "" {
				n[field] = name(s)
			}
		}
		if in, ok := n["in"].([]any); ok {
			renamed := make([]any, len(in))
			for i, id := range in {
				renamed[i] = name(id.(string))
			}
			n["in"] = renamed
		}
		if branches := n.list("branches"); branches != nil {
			renamed := make([]any, len(branches))
			for i, b := range branches {
				renamed[i] = map[string]any{"id": name(b.text("id")), "pred": b.text("pred")}
			}
			n["branches"] = renamed
		}
		if n.text("op") == "to" && n.text("topic") != "" {
			n["topic"] = name(n.text("topic"))
		}
		if n.text("id") == name(source.text("id")) {
			// a step that changes nothing gives the stream its second name
			op := "peek"
			if n.text("op") == "table" {
				op = "toTable"
			}
			id, store := n.text("id"), n.text("store")
			n = kase{"id": id, "op": op, "in": []any{end}}
			if store != "" {
				n["store"] = store
			}
		}
		all = append(all, n)
	}
	return all
}

// parameters changes some of what a node says.
func (v varier) parameters(n kase) {
	small := []string{"0", "1", "2", "3", "5", "8", "10", "15", "20", "50"}
	for _, field := range []string{"graceMs", "gapMs", "diffMs", "beforeMs", "afterMs", "historyMs", "limitMs"} {
		if n[field] != nil && v.IntN(2) == 0 {
			n[field] = json.Number(v.pick(small...))
		}
	}
	if n["maxRecords"] != nil {
		n["maxRecords"] = json.Number(v.pick("1", "2", "3", "5"))
	}
	if n.text("type") == "sliding" && n["diffMs"] == json.Number("0") {
		n["diffMs"] = json.Number("1") // a defect of Kafka Streams: it fails at the first record
	}
	if n["advanceMs"] != nil && v.IntN(2) == 0 {
		pair := [][2]string{{"10", "5"}, {"10", "3"}, {"10", "10"}, {"7", "2"}, {"5", "1"}, {"20", "15"}}[v.IntN(6)]
		n["sizeMs"], n["advanceMs"] = json.Number(pair[0]), json.Number(pair[1])
	} else if n.text("type") == "tumbling" && v.IntN(2) == 0 {
		n["sizeMs"] = json.Number(v.pick("1", "2", "5", "10", "13", "20"))
	}
	switch n.text("op") {
	case "streamJoin", "tableJoin":
		n["type"] = v.pick("inner", "left", "outer")
	case "fkJoin", "streamTableJoin", "streamGlobalJoin":
		n["type"] = v.pick("inner", "left")
	}
	if n.text("joiner") != "" {
		n["joiner"] = v.pick("concat", "concat", "left", "right", "sum", "nullIfRightNull", "nullIfEqual")
	}
	if s := n.text("aggregator"); s != "" && n.text("merger") == "" {
		n["aggregator"] = v.pick("concat", "sum", "count", "min", "max", "last", "first", "trace", "withKey", "nullWhen:2", "nullWhen:x")
	}
	if s := n.text("adder"); s != "" && n.text("op") == "aggregate" {
		n["adder"] = v.pick("trace", "sum", "concat", "count", "last")
		n["subtractor"] = v.pick("untrace", "diff", "remove", "uncount", "diffNullIfZero")
	}
	if n.text("reducer") != "" {
		n["reducer"] = v.pick("concat", "sum", "min", "max", "first", "last", "trace", "nullWhen:2")
	}
	if n.text("pred") != "" && v.IntN(2) == 0 {
		n["pred"] = v.pick("contains:a", "contains:1", "gt:2", "even", "nonNull", "eq:x", "true")
	}
}

// steps makes records for the topics that a topology reads.
func (v varier) steps(nodes, from []kase) []kase {
	var topics []string
	written := make(map[string]bool)
	for _, n := range nodes {
		if strings.HasPrefix(n.text("op"), "to") {
			written[n.text("topic")] = true
		}
	}
	for _, n := range nodes {
		switch n.text("op") {
		case "stream", "table", "globalTable":
			for _, topic := range append([]string{n.text("topic")}, texts(n["topics"])...) {
				if topic != "" && !written[topic] {
					topics = append(topics, topic)
				}
			}
		}
	}
	slices.Sort(topics)
	topics = slices.Compact(topics)
	if len(topics) == 0 {
		return from
	}
	p := pool(from, nodes)
	spans := []int64{1}
	for _, n := range nodes {
		for _, field := range []string{"sizeMs", "advanceMs", "graceMs", "gapMs", "diffMs", "beforeMs", "afterMs", "historyMs", "limitMs"} {
			if d, ok := n[field].(json.Number); ok {
				if ms, err := d.Int64(); err == nil && ms < 1<<40 {
					spans = append(spans, ms, ms+1, max(ms-1, 0))
				}
			}
		}
	}
	var all []kase
	now := p.times[v.IntN(len(p.times))]
	for range 6 + v.IntN(24) {
		if p.wallclock && v.IntN(5) == 0 {
			all = append(all, kase{"wallclock": 1 + v.IntN(30)})
			continue
		}
		at := now
		switch v.IntN(8) {
		case 0:
			at = p.times[v.IntN(len(p.times))]
		case 1, 2:
			at = max(now-spans[v.IntN(len(spans))], min(now, 0))
		case 3:
		case 4, 5:
			at = now + int64(v.IntN(4))
		default:
			at = now + spans[v.IntN(len(spans))]
		}
		if at > now && at-now < 1<<40 || v.IntN(8) == 0 {
			now = at
		}
		s := kase{"topic": topics[v.IntN(len(topics))], "key": p.keys[v.IntN(len(p.keys))], "value": p.values[v.IntN(len(p.values))], "ts": at}
		switch {
		case v.IntN(14) == 0:
			s["value"] = nil
		case v.IntN(30) == 0 && !p.keyed:
			s["key"] = nil
		}
		if v.IntN(6) == 0 {
			s["headers"] = [][2]any{{v.pick("h", "g"), v.pick("1", "2")}}
		}
		all = append(all, s)
	}
	return all
}

func texts(list any) []string {
	var all []string
	items, _ := list.([]any)
	for _, item := range items {
		all = append(all, item.(string))
	}
	return all
}

// pools are what the records of a case are made of.
type pools struct {
	keys, values []any
	times        []int64
	wallclock    bool
	keyed        bool // no record is without key
}

func pool(from, nodes []kase) pools {
	p := pools{keys: []any{"a", "b"}, values: []any{"1", "2", "x"}, times: []int64{0}, keyed: failsWithoutKeys(nodes)}
	for _, s := range from {
		if s["wallclock"] != nil {
			p.wallclock = true
			continue
		}
		p.keys, p.values = append(p.keys, s["key"]), append(p.values, s["value"])
		if at, err := s["ts"].(json.Number).Int64(); err == nil {
			p.times = append(p.times, at)
		}
	}
	// few keys, so that records meet
	slices.SortFunc(p.keys, func(a, b any) int { return strings.Compare(str(a), str(b)) })
	p.keys = slices.Compact(p.keys)
	if p.keyed {
		p.keys = slices.DeleteFunc(p.keys, func(k any) bool { return k == nil })
	}
	if needsValues(nodes) {
		p.values = slices.DeleteFunc(p.values, func(v any) bool { return v == "" })
	}
	if len(p.keys) > 4 {
		p.keys = p.keys[:4]
	}
	return p
}

func str(v any) string {
	s, _ := v.(string)
	return s
}
