package cluster

import (
	"log/slog"
	"reflect"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// TestUpstream waits for one sub-topology after the other: what the first has sent is to be
// processed by the second.
func TestUpstream(t *testing.T) {
	broker := newBroker(t, kfake.SeedTopics(2, "in"), kfake.SeedTopics(1, "out"))
	top := topology.New("app")
	top.Stream("in", serde.String(), serde.String()).Repartition("one").Repartition("two").To("out")
	plan := build(t, top)
	view, err := prepare(t, broker, plan)
	if err != nil {
		t.Fatal(err)
	}
	cl := newClient(t, broker)
	adm := kadm.NewClient(cl)
	produce := func(topic string, partition int32) {
		t.Helper()
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: partition, Value: []byte("v")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	commit := func(topic string, partition int32, at int64) {
		t.Helper()
		var o kadm.Offsets
		o.Add(kadm.Offset{Topic: topic, Partition: partition, At: at, LeaderEpoch: -1})
		if err := adm.CommitAllOffsets(t.Context(), "app", o); err != nil {
			t.Fatal(err)
		}
	}
	two, _ := plan.SubTopology("two")
	type result struct {
		ends Ends
		err  error
	}
	asked := make(chan result, 1)
	ask := func() {
		ends, err := view.Upstream(t.Context(), adm, slog.New(slog.DiscardHandler), two)
		asked <- result{ends, err}
	}
	const one, second = "app-one-repartition", "app-two-repartition"

	// Nothing is there: nothing is waited for.
	go ask()
	if r := <-asked; r.err != nil || len(r.ends) != 0 {
		t.Fatalf("empty: %+v", r)
	}
	produce("in", 1)
	produce(one, 0)
	commit(one, 0, 1)
	// The first has something to do. Meanwhile it sends, and commits.
	listed := make(chan struct{}, 100)
	broker.ControlKey(9, func(kmsg.Request) (kmsg.Response, error, bool) { // offset fetch
		broker.KeepControl()
		select {
		case listed <- struct{}{}:
		default:
		}
		return nil, nil, false
	})
	go ask()
	<-listed
	<-listed // it was not enough
	produce(one, 1)
	commit("in", 1, 1)
	for range 5 {
		<-listed
	}
	select {
	case r := <-asked:
		t.Fatalf("the second has not processed what the first has sent: %+v", r)
	default:
	}
	produce(second, 0)
	commit(one, 1, 1)
	select {
	case r := <-asked:
		if want := (Ends{second: {0: 1}}); r.err != nil || !reflect.DeepEqual(r.ends, want) {
			t.Errorf("got %+v, want %v", r, want)
		}
	case <-time.After(20 * time.Second):
		t.Error("all is processed, and it still waits")
	}
}
