package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// names are the workloads that this program knows.
func names() []string {
	return []string{"passthrough", "count", "count-nocache", "table", "window-count", "window-final", "session-count", "join-table", "join-stream", "rekey-count"}
}

// declare returns the plan of a workload. Keys are strings, values bytes; counts are signed 64-bit
// big-endian, the built-in form of an int64.
func declare(workload, app string, in []string, out string) (*topology.Plan, error) {
	want := 1
	if workload == "join-table" || workload == "join-stream" {
		want = 2
	}
	if len(in) != want {
		return nil, fmt.Errorf("workload %q reads %d topics, not %d", workload, want, len(in))
	}
	t := topology.New(app)
	events := t.Stream(in[0], serde.String(), serde.Bytes())
	switch workload {
	case "passthrough":
		events.To(out)
	case "count":
		events.GroupByKey().Count("counts").ToStream().To(out)
	case "count-nocache":
		events.GroupByKey().Count("counts").EachUpdate().ToStream().To(out)
	case "table":
		events.ToTable("latest").ToStream().To(out)
	case "window-count":
		tenSeconds(events).Count("counts").Stream(keyAtStart).To(out)
	case "window-final":
		tenSeconds(events).Count("counts").Final().Stream(keyAtStart).To(out)
	case "session-count":
		fiveSeconds(events).Count("counts").Stream(keyOfSession).To(out)
	case "join-table":
		right := t.Table(in[1], serde.String(), serde.Bytes())
		events.Join("with-right", right, topology.Left(concat)).To(out)
	case "join-stream":
		with := t.Stream(in[1], serde.String(), serde.Bytes())
		events.JoinWithin("pairs", with, topology.Within(5*time.Second).Grace(5*time.Second), topology.Inner(both)).To(out)
	case "rekey-count":
		events.GroupBy("field", firstField).Count("counts").ToStream().To(out)
	default:
		return nil, fmt.Errorf("no workload %q; there are %s", workload, strings.Join(names(), ", "))
	}
	return t.Build()
}

func tenSeconds(events topology.Stream[string, []byte]) topology.WindowedGroup[string, []byte] {
	return events.GroupByKey().Window(topology.Tumbling(10 * time.Second).Grace(5 * time.Second))
}

func fiveSeconds(events topology.Stream[string, []byte]) topology.WindowedGroup[string, []byte] {
	return events.GroupByKey().Window(topology.Sessions(5 * time.Second).Grace(5 * time.Second))
}

// keyOfSession names a session's result, as "user-7@1767225600000@1767225604321".
func keyOfSession(w topology.Window, key string) string {
	b := make([]byte, 0, len(key)+2*20)
	b = append(append(b, key...), '@')
	b = append(strconv.AppendInt(b, w.Start, 10), '@')
	return string(strconv.AppendInt(b, w.End, 10))
}

// keyAtStart names a window's result, as "user-7@1767225600000".
func keyAtStart(w topology.Window, key string) string {
	return key + "@" + strconv.FormatInt(w.Start, 10)
}

// concat returns left and right in a new slice: the slices it is given are not its own.
func concat(left []byte, right topology.Opt[[]byte]) []byte {
	if !right.OK {
		return left
	}
	return bytes.Join([][]byte{left, right.Value}, nil)
}

func both(left, right []byte) []byte { return bytes.Join([][]byte{left, right}, nil) }

// firstField is what stands before the first "|" of a value.
func firstField(value []byte) string {
	field, _, _ := bytes.Cut(value, []byte("|"))
	return string(field)
}
