package changelog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/internal/backoff"
)

// foundTopic is one topic's answer to a metadata request.
type foundTopic struct {
	topicMeta
	err error // ErrDeleted, a fatalError, or one that passes
}

// metadata asks the brokers about topics. Every topic asked for is in the answer.
func (r *reader) metadata(ctx context.Context, topics []string) (map[string]foundTopic, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	for _, topic := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(topic)
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, r.client)
	if err != nil {
		return nil, err
	}
	found := make(map[string]foundTopic, len(topics))
	for _, topic := range topics {
		found[topic] = foundTopic{err: fmt.Errorf("%w: %s", ErrDeleted, topic)}
	}
	for _, t := range resp.Topics {
		if t.Topic == nil {
			continue
		}
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			found[*t.Topic] = foundTopic{err: classify(err, *t.Topic, 0)}
			continue
		}
		f := foundTopic{topicMeta: topicMeta{id: t.TopicID, leaders: make([]int32, len(t.Partitions))}}
		for i := range f.leaders {
			f.leaders[i] = -1
		}
		for _, p := range t.Partitions {
			if p.Partition >= 0 && int(p.Partition) < len(f.leaders) && p.ErrorCode == 0 {
				f.leaders[p.Partition] = p.Leader
			}
		}
		found[*t.Topic] = f
	}
	return found, nil
}

// resolve looks up leaders whenever a partition has none.
func (r *reader) resolve() {
	for {
		select {
		case <-r.lookup:
		case <-r.done:
			return
		}
		for pause := backoff.New(20*time.Millisecond, r.cfg.Backoff); r.resolveOnce() > 0; {
			select {
			case <-time.After(pause.Next()):
			case <-r.lookup: // a new partition need not wait
			case <-r.done:
				return
			}
		}
	}
}

// resolveOnce looks up the leaders that are missing and returns how many still are.
func (r *reader) resolveOnce() (left int) {
	r.mu.Lock()
	seen := map[string]bool{}
	var topics []string
	now := time.Now()
	for _, p := range r.parts {
		if p.leader < 0 && p.err == nil && p.notBefore.After(now) {
			left++
			continue
		}
		if p.leader < 0 && p.err == nil && !seen[p.topic] {
			seen[p.topic] = true
			topics = append(topics, p.topic)
		}
	}
	r.mu.Unlock()
	if len(topics) == 0 {
		return left
	}
	left = 0
	found, err := r.metadata(r.ctx, topics)

	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped() {
		return 0
	}
	for _, p := range r.parts {
		if p.leader >= 0 || p.err != nil {
			continue
		}
		if err != nil {
			p.status = fmt.Sprintf("brokers: %v", err)
			left++
			continue
		}
		if !seen[p.topic] || p.notBefore.After(now) { // added meanwhile, or resting
			left++
			continue
		}
		if !r.settle(p, found[p.topic]) {
			left++
		}
	}
	return left
}

// settle gives a partition its leader, or the error that ends its reading. It tells if either is
// found.
func (r *reader) settle(p *part, f foundTopic) bool {
	var fatal *fatalError
	switch {
	case errors.As(f.err, &fatal):
		p.err = fatal.error
	case f.err == nil && f.id != p.id:
		p.err = fmt.Errorf("%w while it was read: topic %s has id %x, it was %x", ErrRecreated, p.topic, f.id, p.id)
	case errors.Is(f.err, ErrDeleted):
		if p.missing.IsZero() {
			p.missing = time.Now()
		}
		p.status = "the topic, which the brokers do not know"
		if time.Since(p.missing) < r.cfg.MissingAfter {
			return false
		}
		p.err = f.err
	case f.err != nil:
		p.status = fmt.Sprintf("brokers: %v", f.err)
		return false
	case int(p.partition) >= len(f.leaders):
		p.err = fmt.Errorf("%w: %s has %d partitions, there is no partition %d", ErrDeleted, p.topic, len(f.leaders), p.partition)
	case f.leaders[p.partition] < 0:
		p.status = "a leader of the partition"
		return false
	default:
		p.leader = f.leaders[p.partition]
		p.status = "records"
		n := r.nodes[p.leader]
		if n == nil {
			n = &node{id: p.leader, ready: make(chan struct{}, 1)}
			r.nodes[p.leader] = n
			r.wg.Go(func() { r.fetchLoop(n) })
		}
		signal(n.ready)
		return true
	}
	p.wake()
	return true
}
