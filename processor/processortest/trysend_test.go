package processortest

import (
	"errors"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// TestTrySend: what fails is returned, as an error that the caller can take apart.
func TestTrySend(t *testing.T) {
	bad := errors.New("bad word")
	top := topology.New("words")
	top.Stream("in", serde.String(), serde.String()).MapValues(func(v string) string {
		if v == "bad" {
			panic(bad)
		}
		return strings.ToUpper(v)
	}).To("out")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := New(t, plan, Options{})
	in, out := d.Input("in", serde.String(), serde.String()), d.Output("out", serde.String(), serde.String())
	if err := in.TrySend("k", "good", 1); err != nil {
		t.Fatal(err)
	}
	if got := out.Records(); len(got) != 1 || got[0].Value != "GOOD" {
		t.Errorf("%+v", got)
	}
	err = in.TrySend("k", "bad", 2)
	record, ok := errors.AsType[*processor.RecordError](err)
	if !ok || record.Topic != "in" || record.Offset != 1 {
		t.Errorf("%v", err)
	}
	if err := d.Input("in", serde.String(), serde.JSON[func()]()).TrySend("k", func() {}, 3); err == nil || !strings.Contains(err.Error(), "encode ") {
		t.Errorf("a value that cannot be encoded: %v", err)
	}
}
