package topology_test

import (
	"flag"
	"regexp"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/exported"
)

var update = flag.Bool("update", false, "write the list of exported names anew")

// TestExported compares what users of the language see with a list of it, and counts the methods of
// which there was one for each variant: an aggregation and a join take values that say more.
func TestExported(t *testing.T) {
	names := exported.Names(t, ".")
	exported.Compare(t, names, "testdata/exported.txt", *update)
	// There are two doors in the house: for the runtime, and for topologies that are read from
	// files.
	for _, n := range names {
		if strings.Contains(n, "internal/") && !strings.HasPrefix(n, "func Plan.ForRuntime:") && !strings.HasPrefix(n, "func Topology.ForFiles:") {
			t.Errorf("%s: nobody can read what it is", n)
		}
	}
	exported.Compare(t, exported.Names(t, "record"), "testdata/exported-record.txt", *update)
	for _, c := range []struct {
		what   string
		method *regexp.Regexp
		most   int
	}{
		{"aggregation", regexp.MustCompile(`^func (Grouped|WindowedGroup|GroupedTable)\.(\w*Aggregate\w*|\w*Reduce|Count)\b`), 24},
		{"join", regexp.MustCompile(`^func \w+\.\w*Join\w*\b`), 8},
	} {
		var found []string
		for _, n := range names {
			if m := c.method.FindString(n); m != "" {
				found = append(found, m)
			}
		}
		if len(found) == 0 || len(found) > c.most {
			t.Errorf("%d %s methods, want 1 to %d:\n%s", len(found), c.what, c.most, strings.Join(found, "\n"))
		}
	}
}
