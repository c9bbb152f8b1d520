package cluster

import "strings"

// Quirks are how a broker differs from Apache Kafka, where that has to be met. The zero value is
// Apache Kafka.
type Quirks struct {
	// CompactionMovesStart: the compaction of a log moves its start.
	CompactionMovesStart bool
	// ForgetsAborts: a fetch that is cut short at its limit does not say which transactions were
	// aborted.
	ForgetsAborts bool
	// ForgetsEmptyLogs: after a restart the broker does not know where a log was whose records were
	// all deleted.
	ForgetsEmptyLogs bool
}

// embedded begins the id of a cluster that is the embedded broker (franz-go's kfake). One that
// keeps its data over restarts, as that of `kolk dev`, goes on with a "-".
const embedded = "kfake"

// quirks returns those of the cluster with the id.
func quirks(id string) Quirks {
	kfake := strings.HasPrefix(id, embedded)
	return Quirks{
		CompactionMovesStart: kfake,
		ForgetsAborts:        kfake,
		ForgetsEmptyLogs:     strings.HasPrefix(id, embedded+"-"),
	}
}
