package cluster

import "testing"

// TestQuirks: the embedded broker is known by its cluster id; every other broker is taken for
// Apache Kafka.
func TestQuirks(t *testing.T) {
	for id, want := range map[string]Quirks{
		"":                       {},
		"MkU3OEVBNTcwNTJENDM2Qk": {},
		"my-kfake":               {},
		"kfake":                  {CompactionMovesStart: true, ForgetsAborts: true},
		"kfake-1b2c":             {CompactionMovesStart: true, ForgetsAborts: true, ForgetsEmptyLogs: true},
	} {
		if got := quirks(id); got != want {
			t.Errorf("cluster %q: %+v, want %+v", id, got, want)
		}
	}
}
