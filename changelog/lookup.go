package changelog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/kolkstream/kolk/internal/backoff"
)

// topicMeta is what the brokers say about a topic.
type topicMeta struct {
	id      [16]byte
	leaders []int32 // by partition; -1 without leader
}

// retry calls fn until it succeeds or fails for good. It logs from time to time what it waits for.
func (r *Restorer) retry(ctx context.Context, what string, fn func() error) error {
	began, logged := time.Now(), time.Now()
	for pause := backoff.New(20*time.Millisecond, r.cfg.Backoff); ; {
		err := fn()
		var fatal *fatalError
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case r.reader.stopped():
			return ErrClosed
		case errors.As(err, &fatal):
			return fatal.error
		case errors.Is(err, ErrDeleted) && time.Since(began) >= r.cfg.MissingAfter:
			return err
		}
		if time.Since(logged) >= r.cfg.Report {
			logged = time.Now()
			r.cfg.Logger.Warn("restore waits", "for", what, "since", time.Since(began).Round(time.Second), "error", err)
		}
		select {
		case <-time.After(pause.Next()):
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-r.reader.done:
			return ErrClosed
		}
	}
}

// fatalError ends a retry.
type fatalError struct{ error }

// topic looks up a topic and checks its id; a zero id fits any.
func (r *Restorer) topic(ctx context.Context, topic string, id [16]byte) (m topicMeta, err error) {
	err = r.retry(ctx, "metadata of topic "+topic, func() error {
		metas, err := r.reader.metadata(ctx, []string{topic})
		if err != nil {
			return err
		}
		found := metas[topic]
		switch {
		case found.err != nil:
			return found.err
		case id != [16]byte{} && found.id != id:
			return &fatalError{fmt.Errorf("%w: topic %s has id %x, but state was written for %x; its records are not those that local state and committed offsets stand for. Rebuild the state explicitly to go on",
				ErrRecreated, topic, found.id, id)}
		}
		m = found.topicMeta
		return nil
	})
	return m, err
}

// bounds returns the bounds of a partition: of the whole log, or of its committed part.
func (r *Restorer) bounds(ctx context.Context, topic string, partition int32, committed bool) (start, end int64, err error) {
	err = r.retry(ctx, fmt.Sprintf("offsets of %s/%d", topic, partition), func() error {
		bounds, err := ListBounds(ctx, r.client, []string{topic}, partition, committed)
		start, end = bounds[topic].Start, bounds[topic].End
		return classify(err, topic, partition)
	})
	return start, end, err
}

// classify tells errors that pass from those that do not.
func classify(err error, topic string, partition int32) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
		return fmt.Errorf("%w: %s/%d", ErrDeleted, topic, partition)
	case !isKafka(err), kerr.IsRetriable(err), errors.Is(err, kerr.UnknownServerError):
		return err
	}
	return &fatalError{fmt.Errorf("changelog: %s/%d: %w", topic, partition, err)}
}

// isKafka tells if err is a broker's answer. Others, as of a connection, are taken to pass.
func isKafka(err error) bool {
	_, ok := errors.AsType[*kerr.Error](err)
	return ok
}
