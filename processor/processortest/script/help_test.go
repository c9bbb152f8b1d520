package script

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/text"
	"github.com/kolkstream/kolk/topology"
)

func sprintf(format string, args []any) string { return fmt.Sprintf(format, args...) }

func goexit() { runtime.Goexit() }

// printed is a record as output prints it.
func printed(t *testing.T, of flow.Texts, key, value string, ts int64, hs []topology.Header) string {
	return strings.Join([]string{"key=" + word(raw(t, of.Key, key)), "value=" + word(raw(t, of.Value, value)), "ts=" + text.Time(ts), "headers=" + text.Headers(hs)}, " ")
}
