package processortest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// Schedules are called when they are due, by both rules of time, and one that was ended is so after
// an abort, a crash and the loss of state, though the processor asks for it again.
func TestSchedules(t *testing.T) {
	for name, test := range map[string]struct {
		opts []topology.Option
		want string
	}{
		"default": {nil, "20 30 40 every=100"},
		"kafka":   {[]topology.Option{topology.KafkaStreamsTime}, "7 25 31 every=105"},
	} {
		t.Run(name, func(t *testing.T) {
			top := topology.New("schedules", test.opts...)
			top.Stream("in", serde.String(), serde.String()).
				Process("p", func(c topology.Context[string, string]) topology.Processor[string, string] {
					tick := func(at int64) error {
						c.Forward(topology.Record[string, string]{Key: fmt.Sprint(at), Timestamp: at})
						if at > 30 {
							c.Unschedule("tick")
						}
						return nil
					}
					every := func(at int64) error {
						c.Forward(topology.Record[string, string]{Key: fmt.Sprintf("every=%d", at), Timestamp: at})
						return nil
					}
					if err := c.Schedule("tick", topology.StreamTime, 10*time.Millisecond, tick); err != nil {
						c.Stop(err)
					}
					if err := c.Schedule("every", topology.StreamTime, 100*time.Millisecond, every); err != nil {
						c.Stop(err)
					}
					return nothing{}
				}).To("out")
			plan, err := top.Build()
			if err != nil {
				t.Fatal(err)
			}
			d := New(t, plan, Options{})
			send := func(ts int64) {
				if err := d.TryPipe("in", []byte("k"), []byte("v"), ts); err != nil {
					t.Fatal(err)
				}
			}
			for _, ts := range []int64{7, 25, 31} {
				send(ts)
			}
			if name == "default" {
				send(41)
			}
			d.Crash()
			send(50)
			d.CrashLosingState()
			send(105)
			var keys []string
			for _, r := range d.Output("out", serde.String(), serde.String()).Records() {
				if r.Key != "every=7" { // the first call of all, at the first record
					keys = append(keys, r.Key)
				}
			}
			if got := strings.Join(keys, " "); got != test.want {
				t.Errorf("called %s, want %s", got, test.want)
			}
		})
	}
}

// nothing is a processor that does nothing.
type nothing struct{}

func (nothing) Process(*topology.Record[string, string]) error { return nil }
