package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// LedgerTopic remembers which files were loaded into which topics. Its records are written in the
// transaction that loads the file: a file is there whole and remembered, or neither.
const LedgerTopic = "kolk-loaded"

// entry is a record of the ledger. Its key is topic id and hash: a topic that was deleted and made
// again is loaded again.
type entry struct {
	Topic  string `json:"topic"`
	SHA256 string `json:"sha256"`
	File   string `json:"file"`
	Rows   int64  `json:"rows"`
}

func entryKey(id kadm.TopicID, sha256 string) string { return id.String() + " " + sha256 }

// readLedger returns the entries by key. It reads the whole topic: one record for each file ever
// loaded.
func readLedger(ctx context.Context, brokers []string, opts []kgo.Opt) (map[string]entry, error) {
	cl, err := kgo.NewClient(append(opts[:len(opts):len(opts)],
		kgo.SeedBrokers(brokers...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{LedgerTopic: {0: kgo.NewOffset().AtStart()}}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // so that the position passes the markers at the end
	)...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	// The uncommitted end: a load that is under way is waited for.
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, LedgerTopic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("topic %s: %w", LedgerTopic, err)
	}
	end, _ := ends.Lookup(LedgerTopic, 0)
	entries := map[string]entry{}
	for at := int64(0); at < end.Offset; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return nil, fmt.Errorf("topic %s: %w", LedgerTopic, err)
		}
		var failed error
		fetches.EachError(func(_ string, _ int32, err error) { failed = errors.Join(failed, err) })
		if failed != nil {
			return nil, fmt.Errorf("topic %s: %w", LedgerTopic, failed)
		}
		for r := range fetches.RecordsAll() {
			at = r.Offset + 1
			if r.Attrs.IsControl() {
				continue
			}
			var e entry
			if err := json.Unmarshal(r.Value, &e); err != nil {
				return nil, fmt.Errorf("topic %s, offset %d: %w", LedgerTopic, r.Offset, err)
			}
			entries[string(r.Key)] = e
		}
	}
	return entries, nil
}
