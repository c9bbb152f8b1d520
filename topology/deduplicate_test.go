package topology_test

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// id is what stands before a colon.
func id(v string) string {
	before, _, _ := strings.Cut(v, ":")
	return before
}

func TestDeduplicate(t *testing.T) {
	tp, s := text()
	s.Deduplicate("once", id, 10*time.Millisecond).To("out")
	r := newRig(t, tp)
	nobody := msg("in", "", "1:z", 9)
	nobody.key = nil
	r.in(msg("in", "a", "1:x", 0), msg("in", "a", "1:y", 5), msg("in", "a", "2:x", 5), msg("in", "b", "1:x", 6), tombstone("in", "a", 7), tombstone("in", "a", 7), nobody)
	r.want("out a:1:x @0", "out a:2:x @5", "out b:1:x @6", "out a:null @7", "out a:null @7")
	r.commit()
	r.restart()
	r.in(msg("in", "a", "1:at the bound", 10), msg("in", "a", "1:beyond", 11), msg("in", "a", "1:again", 21), msg("in", "a", "1:late, and seen", 2))
	r.want("out a:1:beyond @11")
	r.in(msg("in", "b", "1:late, and not seen", 3), msg("in", "ab", "1:", 21), msg("in", "a", "b1:", 21))
	r.want("out b:1:late, and not seen @3 ref 21", "out ab:1: @21", "out a:b1: @21")
	r.restart() // aborted
	r.in(msg("in", "a", "1:once more", 11))
	r.want("out a:1:once more @11 ref 21")
	r.wantDrops(map[string]int{"once duplicate": 4, "once null-key": 1})
	r.in(msg("in", "z", "9:", 100))
	r.commit()
	r.commit()
	if n := len(r.rows("once")); n != 2 {
		t.Errorf("%d rows, two for each id: all but one are forgotten", n)
	}
}

// Rows have the bytes of docs/format/state.md.
func TestDeduplicateBytes(t *testing.T) {
	tp := topology.New("test")
	tp.Stream("in", serde.String(), serde.String()).
		Deduplicate("once", func(v string) int64 { return int64(number(v)) }, time.Hour, topology.KeySerde(num())).
		To("out")
	r := newRig(t, tp)
	r.in(msg("in", "ab", "7", 1000000))
	var got []string
	for k, v := range r.rows("once") {
		got = append(got, hex.EncodeToString([]byte(k))+": "+hex.EncodeToString([]byte(v)))
	}
	slices.Sort(got)
	if want := []string{"00000000000f4240" + "02" + "6162" + "37: ", "ff" + "04" + "02" + "6162" + "37" + "00000000000f4240: "}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// With Kafka Streams' time the largest timestamp that the operator has seen counts, tombstones too.
func TestDeduplicateByClock(t *testing.T) {
	tp := topology.New("test", topology.KafkaStreamsTime)
	tp.Stream("in", serde.String(), serde.String()).Deduplicate("once", id, 10*time.Millisecond).To("out")
	r := newRig(t, tp)
	r.in(msg("in", "a", "1:", 5), msg("in", "b", "1:", 15), msg("in", "a", "1:within", 0), tombstone("in", "b", 16))
	r.commit()
	r.restart()
	r.in(msg("in", "a", "1:beyond", 3))
	r.want("out a:1: @5", "out b:1: @15", "out b:null @16", "out a:1:beyond @3 ref 16")
}

// Behind an InOrder the first one by time passes, whichever was read first.
func TestDeduplicateInOrder(t *testing.T) {
	tp, s := text()
	s.SelectKey(id).Repartition("by-id").InOrder("ordered", 100*time.Millisecond).
		DeduplicateRecords("once", func(*topology.Record[string, string]) string { return "" }, 10*time.Millisecond).To("out")
	r := newRig(t, tp)
	r.in(msg("in", "", "1:b", 9), msg("in", "", "1:a", 0), msg("in", "", "1:d", 18), msg("in", "", "1:c", 11), msg("in", "", "2:", 500))
	r.commit()
	r.want("out 1:1:a @0", "out 1:1:c @11")
}

// choosy writes no x.
type choosy struct{ serde.Serde[string] }

func (p choosy) Append(dst []byte, v string) ([]byte, error) {
	if v == "x" {
		return nil, errOops
	}
	return p.Serde.Append(dst, v)
}

// An id that cannot be written is an error of its record.
func TestDeduplicateFails(t *testing.T) {
	tp, s := text()
	s.Deduplicate("once", id, time.Hour, topology.KeySerde[string](choosy{serde.String()})).To("out")
	r := newRig(t, tp)
	r.skip = true
	r.in(msg("in", "a", "x", 1), msg("in", "a", "y", 1))
	r.want("out a:y @1")
	if len(r.failures) != 1 || r.failures[0].node != "once" || !errors.Is(r.failures[0].err, errOops) {
		t.Errorf("failures %v", r.failures)
	}
}
