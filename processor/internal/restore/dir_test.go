package restore

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kolkstream/kolk/processor/internal/assign"
	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/state"
)

func openDir(t *testing.T, path string) *Dir {
	t.Helper()
	d, err := OpenDir(path, "app", "cluster")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestOpenDir: one user at a time, one identity for ever.
func TestOpenDir(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	d := openDir(t, path)
	id := d.Instance()
	if id.ID == "" || id.Application != "app" || id.Cluster != "cluster" {
		t.Errorf("identity %+v", id)
	}
	if _, err := OpenDir(path, "app", "cluster"); !errors.Is(err, state.ErrInUse) {
		t.Errorf("a second user: %v", err)
	}
	for _, task := range []string{"sub/3", "sub/7", "other-sub/0", "sub/8.unusable"} {
		if err := os.MkdirAll(filepath.Join(path, "tasks", task), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	held := d.Held()
	slices.SortFunc(held, func(a, b assign.Task) int { return int(a.Partition - b.Partition) })
	if want := []assign.Task{{Sub: "other-sub", Partition: 0}, {Sub: "sub", Partition: 3}, {Sub: "sub", Partition: 7}}; !slices.Equal(held, want) {
		t.Errorf("held %v, want %v", held, want)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = openDir(t, path)
	if d.Instance() != id {
		t.Errorf("identity %+v, was %+v", d.Instance(), id)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for _, foreign := range [][2]string{{"app2", "cluster"}, {"app", "cluster2"}} {
		var e *report.ForeignStateError
		if _, err := OpenDir(path, foreign[0], foreign[1]); !errors.As(err, &e) {
			t.Errorf("%v: %v", foreign, err)
		}
	}
	for _, garbage := range []string{"", "{", `{"format":1}`, `{"format":99,"application":"app","cluster":"cluster","instance":"x"}`} {
		if err := os.WriteFile(filepath.Join(path, "instance.json"), []byte(garbage), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenDir(path, "app", "cluster"); err == nil {
			t.Errorf("%q is taken for an identity", garbage)
		}
	}
	// None of the failures has kept the lock.
	if err := os.Remove(filepath.Join(path, "instance.json")); err != nil {
		t.Fatal(err)
	}
	if err := openDir(t, path).Close(); err != nil {
		t.Error(err)
	}
}
