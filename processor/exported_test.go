package processor_test

import (
	"cmp"
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/exported"
)

var update = flag.Bool("update", false, "write the lists of exported names anew")

// TestExported compares what users of these packages see with a list of it. Nothing of it is
// declared in a package that they cannot read.
func TestExported(t *testing.T) {
	for _, dir := range []string{".", "report", "processortest", "processortest/script", "processortest/yamltest"} {
		name := cmp.Or(strings.Trim(dir, "."), "processor")
		t.Run(name, func(t *testing.T) {
			names := exported.Names(t, dir)
			for _, n := range names {
				if strings.Contains(n, "/internal/") {
					t.Errorf("%s: nobody can read what it is", n)
				}
			}
			exported.Compare(t, names, filepath.Join("testdata", "exported", strings.ReplaceAll(name, "/", "-")+".txt"), *update)
		})
	}
}
