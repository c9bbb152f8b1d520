package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/topology"
)

// A topic that does not take what a record made is that record's error: with the policy fail the
// application ends with its name, with skip it is left out and all others count.

// bounded runs a job to the end of its input. With skip records that fail are left out.
func bounded(t *testing.T, b Broker, j job, dir string, skip bool, change func(*processor.Config)) *app {
	t.Helper()
	return startApp(t, b, j, nil, func(cfg *processor.Config) {
		cfg.UntilEnd, cfg.StateDir = true, dir
		if skip {
			cfg.OnError = processor.Skip
		}
		if change != nil {
			change(cfg)
		}
	})
}

// skipped counts the records that were left out.
func skipped(a *app) (n int64) {
	for _, d := range a.Stats().Dropped {
		if d.Reason == topology.Failed {
			n += d.Count
		}
	}
	return n
}

// refusal demands that an application ends with the error of one record, whose output its topic
// refuses because of a setting.
func refusal(t *testing.T, a *app, topic string, offset int64, sink, setting string, words ...string) {
	t.Helper()
	err := a.failsWith(t, time.Minute, append(words, topic+"/0", fmt.Sprint("offset ", offset), "topic "+sink, setting)...)
	var re *processor.RecordError
	if !errors.As(err, &re) || re.Topic != topic || re.Partition != 0 || re.Offset != offset || re.Node == "" {
		t.Errorf("error %#v is not that of %s/0 at offset %d", re, topic, offset)
	}
	var refused *processor.RefusedError
	if !errors.As(err, &refused) || refused.Topic != sink || refused.Setting != setting {
		t.Errorf("error %#v is not a refusal by %s for %s", refused, sink, setting)
	}
}

func finishes(t *testing.T, a *app, skips int64) {
	t.Helper()
	if err := a.wait(t, 2*time.Minute); err != nil {
		t.Fatal(err)
	}
	if n := skipped(a); n != skips {
		t.Errorf("%d records left out, want %d: %v", n, skips, a.Stats().Dropped)
	}
}

// TestTimestampRefused counts three records, of which the second lies two hours ahead. Apache
// Kafka's topics refuse more than one hour.
func TestTimestampRefused(t *testing.T) {
	b := startBroker(t)
	j := job{"stamped", names(t, "app")}
	a := newAdmin(t, b.Addr())
	limits := map[string]string{}
	if brokerName == "kfake" {
		limits["message.timestamp.after.max.ms"] = "3600000"
	}
	a.create(j.in(), 1, nil)
	a.create(j.out(), 1, limits)
	now := time.Now().UnixMilli()
	value := func(k string, at int64) message {
		return message{Value: fmt.Appendf(nil, `{"k":%q,"t":%d}`, k, at), Timestamp: now, Partition: 0}
	}
	a.produce(j.in(), only(value("a", now-1000), value("b", now+7_200_000), value("c", now+1)))
	dir := filepath.Join(t.TempDir(), "state")
	// The record has been through a repartition topic, whose message is named, with the input that
	// it was made from.
	refusal(t, bounded(t, b, j, dir, false, nil), j.Prefix+"-g-repartition", 1, j.out(), "message.timestamp.after.max.ms", "made from "+j.in(), `key "b"`, "ahead of the clock")
	x := bounded(t, b, j, dir, true, nil)
	finishes(t, x, 1)
	sameRows(t, j.out(), readAll(t, b.Addr(), j.out()), []row{{"a", "1", now - 1000}, {"c", "1", now + 1}})
	x.log.await(t, time.Second, "record skipped")
}

// TestTimestampRefusedLater: the update that goes out carries the largest time of its key. The
// record that has brought it is to blame, not the last one.
func TestTimestampRefusedLater(t *testing.T) {
	b := startBroker(t)
	j := job{"stamped", names(t, "app")}
	a := newAdmin(t, b.Addr())
	a.create(j.in(), 1, nil)
	a.create(j.out(), 1, map[string]string{"message.timestamp.after.max.ms": "3600000"})
	now := time.Now().UnixMilli()
	rng := seeds.Rand(t)
	var in []message
	counts, times, late := map[string]int64{}, map[string]int64{}, int64(0)
	for i := range 300 {
		k, at := string(rune('a'+rng.IntN(5))), now-int64(1000-i)
		if i > 20 && rng.IntN(40) == 0 {
			at = now + 2*3_600_000 + int64(i)
			late++
		} else {
			counts[k]++
			times[k] = at
		}
		in = append(in, message{Value: fmt.Appendf(nil, `{"k":%q,"t":%d}`, k, at), Timestamp: now, Partition: 0})
	}
	a.produce(j.in(), only(in...))
	x := bounded(t, b, j, filepath.Join(t.TempDir(), "state"), true, nil)
	finishes(t, x, late)
	last := map[string]row{}
	for _, o := range readAll(t, b.Addr(), j.out()) {
		last[o.Key] = o.row
	}
	for k, n := range counts {
		if want := (row{k, strconv.FormatInt(n, 10), times[k]}); last[k] != want {
			t.Errorf("%v, want %v", last[k], want)
		}
	}
}

// letters are n random ones.
func letters(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + rng.IntN(26))
	}
	return b
}

// produceLarge is produce for messages of up to 20 MB.
func produceLarge(t *testing.T, b Broker, topic string, values ...[]byte) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.ProducerBatchMaxBytes(20<<20), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for i, v := range values {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: v, Timestamp: time.UnixMilli(int64(i + 1))}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLargeMessages: what the topics take, goes through: from an input, through a repartition
// topic, a store and its changelog, to an output, and back from the changelog into a new directory.
func TestLargeMessages(t *testing.T) {
	b := startBroker(t)
	large := map[string]string{"max.message.bytes": "10000000"}
	rng := rand.New(rand.NewPCG(1, 2))
	values := [][]byte{[]byte("x"), letters(rng, 3_000_000), []byte("y")}
	t.Run("copied", func(t *testing.T) {
		j := job{"copied", names(t, "app")}
		a := newAdmin(t, b.Addr())
		a.create(j.in(), 1, large)
		a.create(j.out(), 1, large)
		produceLarge(t, b, j.in(), values...)
		finishes(t, bounded(t, b, j, t.TempDir(), false, nil), 0)
		got := readAll(t, b.Addr(), j.out())
		if len(got) != 3 || got[0].Value != "x" || got[1].Value != string(values[1]) || got[2].Value != "y" {
			t.Errorf("%d records came out", len(got))
		}
	})
	t.Run("stored", func(t *testing.T) {
		j := job{"repartitioned-table", names(t, "app")}
		a := newAdmin(t, b.Addr())
		a.create(j.in(), 1, large)
		a.create(j.out(), 1, large)
		produceLarge(t, b, j.in(), values...)
		finishes(t, bounded(t, b, j, t.TempDir(), false, nil), 0)
		produceLarge(t, b, j.in(), []byte("z"))
		// with the state from the changelog
		finishes(t, bounded(t, b, j, t.TempDir(), false, nil), 0)
		var got []string
		for _, o := range readAll(t, b.Addr(), j.out()) {
			got = append(got, o.Key+"="+o.Value)
		}
		if want := []string{"x=x", "y=y", "z=z", string(values[1][:1]) + "=" + string(values[1])}; !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
			t.Errorf("%d records came out", len(got))
		}
	})
}

// TestMessageTooLarge writes to a topic that takes less than its input. Where nothing else comes of
// a record no transaction is aborted for it.
func TestMessageTooLarge(t *testing.T) {
	b := startBroker(t)
	for _, g := range []processor.Guarantee{processor.ExactlyOnce, processor.AtLeastOnce} {
		t.Run([]string{"exactly-once", "at-least-once"}[g], func(t *testing.T) {
			j := job{"copied", names(t, "app")}
			a := newAdmin(t, b.Addr())
			a.create(j.in(), 1, nil)
			a.create(j.out(), 1, map[string]string{"max.message.bytes": "20000"})
			rng := rand.New(rand.NewPCG(1, 3))
			var in []message
			var want []row
			for i := range 500 {
				m := message{Key: []byte("k"), Value: letters(rng, 10+rng.IntN(100)), Timestamp: int64(i), Partition: -1}
				if i%10 == 7 {
					m.Value = letters(rng, 20_001)
				} else {
					want = append(want, row{"k", string(m.Value), int64(i)})
				}
				in = append(in, m)
			}
			a.produce(j.in(), only(in...))
			dir := t.TempDir()
			at := func(cfg *processor.Config) { cfg.Guarantee = g }
			refusal(t, bounded(t, b, j, dir, false, at), j.in(), 7, j.out(), "max.message.bytes", `key "k"`, "20,000")
			x := bounded(t, b, j, dir, true, at)
			finishes(t, x, 50)
			got := readAll(t, b.Addr(), j.out())
			if g == processor.AtLeastOnce {
				// what was before the record that failed may have come out twice
				seen := map[row]bool{}
				got = slices.DeleteFunc(got, func(o output) bool { again := seen[o.row]; seen[o.row] = true; return again })
			}
			sameRows(t, j.out(), got, want)
			if n := x.Stats().Aborts; n != 0 {
				t.Errorf("%d transactions aborted", n)
			}
		})
	}
}

// TestStoreTooLarge collects values until they are too large for the changelog, which shows at the
// commit only, together with those of many other keys. The record that made it too large is found,
// and left out.
func TestStoreTooLarge(t *testing.T) {
	b := startBroker(t)
	j := job{"collected", names(t, "app")}
	a := newAdmin(t, b.Addr())
	a.create(j.in(), 1, nil)
	a.create(j.out(), 1, nil)
	const most = 50_000
	rng := seeds.Rand(t)
	var in []message
	var want []row
	first, failing := int64(-1), int64(0)
	sizes := map[string]int{}
	for i := range 400 {
		k := string(rune('a' + rng.IntN(20)))
		v := letters(rng, 100+rng.IntN(200))
		if rng.IntN(20) == 0 {
			v = letters(rng, 15_000+rng.IntN(5000))
		}
		if sizes[k]+len(v)+1+96 > most {
			if failing++; first < 0 {
				first = int64(i)
			}
		} else {
			sizes[k] += len(v)
			want = append(want, row{k, strconv.Itoa(sizes[k]), 1})
		}
		in = append(in, message{Key: []byte(k), Value: v, Timestamp: 1, Partition: -1})
	}
	// At least one fails, whatever the seed.
	if in = append(in, message{Key: []byte("z"), Value: letters(rng, most+1), Timestamp: 1, Partition: -1}); first < 0 {
		first = int64(len(in) - 1)
	}
	failing++
	a.produce(j.in(), only(in...))
	dir := t.TempDir()
	small := func(cfg *processor.Config) { cfg.MaxMessageBytes = most }
	log := changelogTopic(j.Prefix, "collected")
	refusal(t, bounded(t, b, j, dir, false, small), j.in(), first, log, "max.message.bytes", `"collected"`)
	x := bounded(t, b, j, dir, true, small)
	finishes(t, x, failing)
	got := readAll(t, b.Addr(), j.out())
	sameRows(t, j.out(), got, want)
	stored := map[string]string{}
	for _, o := range readAll(t, b.Addr(), log) {
		stored[o.Key] = o.Value
	}
	for k, n := range sizes {
		if n > 0 && len(stored[k]) != n {
			t.Errorf("%s has %d bytes in the changelog, want %d", k, len(stored[k]), n)
		}
	}
}

// TestNoKeyRefused writes records without key to a compacted topic.
func TestNoKeyRefused(t *testing.T) {
	b := startBroker(t)
	j := job{"copied", names(t, "app")}
	a := newAdmin(t, b.Addr())
	a.create(j.in(), 1, nil)
	a.create(j.out(), 1, map[string]string{"cleanup.policy": "compact"})
	none := message{Value: []byte("b"), Timestamp: 2, Partition: 0}
	empty := message{Key: []byte{}, Value: []byte("d"), Timestamp: 4, Partition: 0}
	a.produce(j.in(), only(word("a", "a"), none, word("c", "c"), empty))
	dir := t.TempDir()
	refusal(t, bounded(t, b, j, dir, false, nil), j.in(), 1, j.out(), "cleanup.policy")
	finishes(t, bounded(t, b, j, dir, true, nil), 1)
	sameRows(t, j.out(), readAll(t, b.Addr(), j.out()), []row{{"a", "a", 1}, {"c", "c", 1}, {"", "d", 4}})
}

// TestFinalResultTooLarge: what time has made is no record's fault. It fails by node and key, and
// is left out alone.
func TestFinalResultTooLarge(t *testing.T) {
	b := startBroker(t)
	j := job{"collected-hours", names(t, "app")}
	a := newAdmin(t, b.Addr())
	a.create(j.in(), 1, nil)
	a.create(j.out(), 1, map[string]string{"max.message.bytes": "1000"})
	hour := time.Hour.Milliseconds()
	at := func(k string, h int, v string) message {
		return message{Key: []byte(k), Value: []byte(v), Timestamp: int64(h)*hour + 1, Partition: -1}
	}
	long := strings.Repeat("v", 600)
	a.produce(j.in(), only(at("a", 0, "a"), at("b", 0, long), at("b", 0, long), at("c", 0, "c"), at("a", 1, "a"), at("b", 1, long)))
	dir := t.TempDir()
	err := bounded(t, b, j, dir, false, nil).failsWith(t, time.Minute, j.out(), "max.message.bytes", `key "b"`)
	var re *processor.RecordError
	if !errors.As(err, &re) || re.Topic != "" || re.Node == "" {
		t.Errorf("error %#v", re)
	}
	finishes(t, bounded(t, b, j, dir, true, nil), 1)
	sameRows(t, j.out(), readAll(t, b.Addr(), j.out()), []row{{"a", "a", 1}, {"c", "c", 1}, {"a", "a", hour + 1}, {"b", long, hour + 1}})
}

// TestConfigurationChanges: a topic that takes less than when the application began is found out by
// its refusal. Batches are smaller from then on, and the records that do not fit any more fail.
func TestConfigurationChanges(t *testing.T) {
	b := startBroker(t)
	j := job{"copied", names(t, "app")}
	a := newAdmin(t, b.Addr())
	a.create(j.in(), 1, nil)
	a.create(j.out(), 1, nil)
	a.produce(j.in(), only(word("k", "first")))
	x := startApp(t, b, j, nil, func(cfg *processor.Config) { cfg.OnError = processor.Skip })
	want := []row{{"k", "first", 1}}
	has := func() {
		t.Helper()
		eventually(t, time.Minute, "results", func() (bool, string) {
			x.running(t)
			n := len(readAll(t, b.Addr(), j.out()))
			return n >= len(want), fmt.Sprintf("%d of %d", n, len(want))
		})
	}
	has()
	ctx, cancel := a.context()
	defer cancel()
	small := "3000"
	rs, err := a.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: &small}}, j.out())
	if err == nil {
		_, err = rs.On(j.out(), nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 5))
	var in []message
	for i := range 200 {
		m := word("k", string(letters(rng, 1000)))
		if i == 100 {
			m.Value = bytes.Repeat([]byte("v"), 5000)
		} else {
			want = append(want, row{"k", string(m.Value), 1})
		}
		in = append(in, m)
	}
	a.produce(j.in(), only(in...))
	has()
	a.awaitNoLag(time.Minute, j.Prefix, j.in())
	x.stop(t)
	sameRows(t, j.out(), readAll(t, b.Addr(), j.out()), want)
	if n := skipped(x); n != 1 {
		t.Errorf("%d records left out", n)
	}
}

// TestOutputTopicsAreLookedAt: what an output topic refuses or deletes is said at the start, and
// once more when results are that old.
func TestOutputTopicsAreLookedAt(t *testing.T) {
	b := startBroker(t)
	j := job{"copied", names(t, "app")}
	a := newAdmin(t, b.Addr())
	a.create(j.in(), 1, map[string]string{"max.message.bytes": "2000000"})
	a.create(j.out(), 1, map[string]string{"retention.ms": "86400000", "message.timestamp.before.max.ms": "31536000000000", "max.message.bytes": "1000000"})
	a.produce(j.in(), only(word("k", "v"), word("k", "w")))
	x := bounded(t, b, j, t.TempDir(), false, nil)
	finishes(t, x, 0)
	log := x.log.String()
	for _, text := range []string{"level=WARN msg=\"output topic refuses", "message.timestamp.before.max.ms=31536000000000", "retention.ms=86400000", "max.message.bytes=1000000, not 2000000", "results are older than their topic keeps them"} {
		if strings.Count(log, text) != 1 {
			t.Errorf("%d times %q in the log:\n%s", strings.Count(log, text), text, log)
		}
	}
}
