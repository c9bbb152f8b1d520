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
	for _, c := range []struct {
		what   string
		method *regexp.Regexp
		most   int // with sessions, grouped tables, co-groups and the joins to come: 24 and 8
	}{
		{"aggregation", regexp.MustCompile(`^func (Grouped|WindowedGroup)\.(\w*Aggregate\w*|\w*Reduce|Count)\b`), 10},
		{"join", regexp.MustCompile(`^func \w+\.\w*Join\w*\b`), 2},
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
