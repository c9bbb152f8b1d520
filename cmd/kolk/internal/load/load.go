// Package load puts data files into topics, each file once.
//
// A file is loaded in one transaction together with a record of a ledger topic: after a crash it is
// there whole or not at all, and loading it again does nothing. So `kolk dev` may be stopped and
// started at any moment, and `kolk load` may be a step that a deployment repeats.
package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/wiretime"
)

// Message makes the message of a row, as the topology declares the topic. The results are valid
// until the next call. A nil key is none; a zero time is now.
type Message func(row Row) (key, value []byte, at time.Time, err error)

// Input is a file to load.
type Input struct {
	Topic   string
	File    *File
	Message Message
}

// Options say where to load to and how.
type Options struct {
	Brokers []string
	// ClientOptions are added to those of each client: TLS, SASL.
	ClientOptions []kgo.Opt
	// KeepBad loads a row of which no message can be made as it stands, without a key, for the
	// topology's error policy to decide. By default such a row fails the load.
	KeepBad bool
	// Progress is called now and then with the rows of the current file so far. Defaults to none.
	Progress func(in Input, rows int64)
}

// Result is what became of one Input.
type Result struct {
	Rows int64
	// Bad is how many of the rows are no messages of the topology (KeepBad), FirstBad why the first
	// one is not.
	Bad      int64
	FirstBad error
	// Already says that the topic holds the file since an earlier load.
	Already bool
}

// transactionTimeout is how long the load of one file may take, and how long the broker may need to
// end the transaction of a loader that died: Kafka's own limit is 15 minutes.
const transactionTimeout = 10 * time.Minute

// Load loads one file into a topic that exists, unless the topic holds it already. Records keep the
// order of the rows within their partition; the partition is that of the key, as Kafka's own
// producer picks it.
//
// Two loads into the same topic at the same time do not both succeed.
func Load(ctx context.Context, o Options, in Input) (Result, error) {
	cl, err := kgo.NewClient(append(o.ClientOptions[:len(o.ClientOptions):len(o.ClientOptions)],
		kgo.SeedBrokers(o.Brokers...),
		kgo.TransactionalID("kolk-load-"+in.Topic),
		kgo.TransactionTimeout(transactionTimeout),
		kgo.DefaultProduceTopic(in.Topic),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), // murmur2, as Kafka's own
		kgo.ProducerLinger(5*time.Millisecond),
	)...)
	if err != nil {
		return Result{}, err
	}
	defer cl.Close()

	// First of all: this ends the transaction of a loader that died, and stops one that lives.
	if _, _, err := cl.ProducerID(ctx); err != nil {
		return Result{}, fmt.Errorf("topic %s: %w", in.Topic, err)
	}
	topics, err := kadm.NewClient(cl).ListTopics(ctx, in.Topic)
	if err == nil {
		err = topics.Error()
	}
	if err != nil {
		return Result{}, fmt.Errorf("topic %s: %w", in.Topic, err)
	}
	ledger, err := readLedger(ctx, o.Brokers, o.ClientOptions)
	if err != nil {
		return Result{}, err
	}
	key := entryKey(topics[in.Topic].ID, in.File.SHA256())
	if e, ok := ledger[key]; ok {
		return Result{Rows: e.Rows, Already: true}, nil
	}
	res, err := transact(ctx, cl, o, in, key)
	if errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch) {
		err = fmt.Errorf("another process loads into topic %s: %w", in.Topic, err)
	}
	return res, err
}

// transact produces the rows and the ledger's record, and commits them, or nothing.
func transact(ctx context.Context, cl *kgo.Client, o Options, in Input, key string) (Result, error) {
	// The first failed record cancels the rest.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	promise := func(_ *kgo.Record, err error) {
		if err != nil {
			cancel(err)
		}
	}
	if err := cl.BeginTransaction(); err != nil {
		return Result{}, err
	}
	res, err := produce(ctx, cl, o, in, promise)
	if err == nil {
		value, _ := json.Marshal(entry{Topic: in.Topic, SHA256: in.File.SHA256(), File: filepath.Base(in.File.Path()), Rows: res.Rows})
		cl.Produce(ctx, &kgo.Record{Topic: LedgerTopic, Partition: 0, Key: []byte(key), Value: value}, promise)
		err = cl.Flush(ctx)
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	// Whatever happened to ctx, the transaction is ended: an open one blocks the topic's readers.
	end := context.WithoutCancel(ctx)
	if err != nil {
		return Result{}, errors.Join(
			fmt.Errorf("load %s into topic %s: %w", in.File.Path(), in.Topic, err),
			cl.AbortBufferedRecords(end), cl.EndTransaction(end, kgo.TryAbort))
	}
	if err := cl.EndTransaction(end, kgo.TryCommit); err != nil {
		return Result{}, fmt.Errorf("load %s into topic %s: commit: %w", in.File.Path(), in.Topic, err)
	}
	return res, nil
}

func produce(ctx context.Context, cl *kgo.Client, o Options, in Input, promise func(*kgo.Record, error)) (Result, error) {
	const every = 4096
	var res Result
	for row, err := range in.File.Rows() {
		if err != nil {
			return res, err
		}
		key, value, at, err := in.Message(row)
		if err != nil {
			err = in.File.at(row.Line, err)
			if in.File.ext == ".json" && row.Names == nil {
				err = fmt.Errorf("%w (a .json file has one row in each line, or is one array of rows)", err)
			}
			if !o.KeepBad {
				return res, err
			}
			key, value, at = nil, row.JSON, time.Now()
			if res.Bad++; res.FirstBad == nil {
				res.FirstBad = err
			}
		}
		r := &kgo.Record{Value: append([]byte{}, value...)}
		if !at.IsZero() {
			wiretime.Set(r, at.UnixMilli())
		}
		if key != nil {
			r.Key = append([]byte{}, key...)
		}
		line := row.Line
		cl.Produce(ctx, r, func(_ *kgo.Record, err error) {
			if err != nil {
				promise(nil, in.File.at(line, err))
			}
		})
		if res.Rows++; res.Rows%every == 0 {
			if ctx.Err() != nil {
				return res, context.Cause(ctx)
			}
			if o.Progress != nil {
				o.Progress(in, res.Rows)
			}
		}
	}
	return res, nil
}
