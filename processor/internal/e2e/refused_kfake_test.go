//go:build !kafka

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/processor"
)

// refusePoison has the broker call every batch for a topic invalid that has poison in it, as a
// broker does for reasons that kolk does not know.
func refusePoison(t *testing.T, b *inProcess, topic string) {
	b.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		p := req.(*kmsg.ProduceRequest)
		id := b.TopicInfo(topic).TopicID
		poisoned := false
		for _, rt := range p.Topics {
			for _, rp := range rt.Partitions {
				poisoned = poisoned || (rt.Topic == topic || rt.TopicID == id) && bytes.Contains(rp.Records, []byte("poison"))
			}
		}
		if !poisoned {
			return nil, nil, false
		}
		resp := p.ResponseKind().(*kmsg.ProduceResponse)
		for _, rt := range p.Topics {
			st := kmsg.NewProduceResponseTopic()
			st.Topic, st.TopicID = rt.Topic, rt.TopicID
			for _, rp := range rt.Partitions {
				sp := kmsg.NewProduceResponseTopicPartition()
				sp.Partition, sp.ErrorCode = rp.Partition, kerr.InvalidRecord.Code
				st.Partitions = append(st.Partitions, sp)
			}
			resp.Topics = append(resp.Topics, st)
		}
		return resp, nil, true
	})
}

// TestBrokerRefusesRecords: which record of a batch the broker means it does not say in a way that
// the client hands on. It is found by smaller transactions, and by nothing else left out.
func TestBrokerRefusesRecords(t *testing.T) {
	b := startFake(t)
	j := job{"copied", names(t, "app")}
	a := newAdmin(t, b.Addr())
	a.create(j.in(), 1, nil)
	a.create(j.out(), 1, nil)
	rng := seeds.Rand(t)
	var in []message
	var want []row
	first, bad := -1, int64(0)
	for i := range 2000 {
		v := fmt.Sprint("value-", i)
		if rng.IntN(300) == 0 || i == 1500 {
			v = fmt.Sprint("poison-", i)
			if bad++; first < 0 {
				first = i
			}
		} else {
			want = append(want, row{"k", v, 1})
		}
		in = append(in, word("k", v))
	}
	a.produce(j.in(), only(in...))
	refusePoison(t, b, j.out())
	dir := t.TempDir()
	plain := func(cfg *processor.Config) {
		cfg.ClientOptions = append(cfg.ClientOptions, kgo.ProducerBatchCompression(kgo.NoCompression()))
	}
	err := bounded(t, b, j, dir, false, plain).failsWith(t, time.Minute, j.in()+"/0", fmt.Sprint("offset ", first), "topic "+j.out(), "INVALID_RECORD")
	var re *processor.RecordError
	if !errors.As(err, &re) || re.Offset != int64(first) || !errors.Is(err, kerr.InvalidRecord) {
		t.Errorf("%#v", re)
	}
	x := bounded(t, b, j, dir, true, plain)
	finishes(t, x, bad)
	got := readAll(t, b.Addr(), j.out())
	sameRows(t, j.out(), got, want)
	for i := range min(len(got), len(want)) {
		if got[i].Value != want[i].Value {
			t.Fatalf("%s comes after %s", got[i].Value, want[max(i-1, 0)].Value)
		}
	}
	if strings.Contains(x.log.String(), "again and again") {
		t.Error("narrowing counts as aborts that do not end")
	}
}

// TestTimeoutsThatTheBrokerRefuses are compared with what it allows before anything begins.
func TestTimeoutsThatTheBrokerRefuses(t *testing.T) {
	b := startFake(t)
	j := job{"copied", names(t, "app")}
	a := newAdmin(t, b.Addr())
	a.create(j.in(), 1, nil)
	a.create(j.out(), 1, nil)
	startApp(t, b, j, nil, func(cfg *processor.Config) { cfg.CommitInterval = 2 * time.Minute }).
		failsWith(t, time.Minute, "TransactionTimeout", "20m0s", "transaction.max.timeout.ms=900000", "CommitInterval")
}
