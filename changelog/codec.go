package changelog

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/kolkstream/kolk/internal/bykey"
)

const (
	// windowPrefix is the size of the window's start before the key in a store.
	windowPrefix = 8
	// sessionPrefix is the size of the session's end and start before the key in a store, and
	// behind it in a changelog.
	sessionPrefix = 16
	// windowSuffix is the size of start and sequence number behind the key in a changelog.
	windowSuffix = 12
	// stampSize is the size of the timestamp before the value in a store.
	stampSize = 8
	// joinSuffix is the size of timestamp and number behind the key, in a store and in a changelog.
	joinSuffix = 12
)

// VersionHeader names the message header that a later version of the format would set. Messages of
// this version, 0, have none, as Kafka Streams' have none; a message that has one is refused
// instead of misread.
const VersionHeader = "kolk-v"

// ErrMalformed marks bytes that cannot be what a store or a changelog of this [Spec] holds.
var ErrMalformed = errors.New("changelog: malformed")

// Spec says how a store's bytes are laid out, and so how its changelog's messages are.
//
//	             in the store              in the changelog
//	key          key                       key
//	  Windowed   start(8) key              key start(8) 0(4)
//	  Sessions   end(8) start(8) key       key end(8) start(8)
//	  Segment    start(8) key ts(8) n(4)   key ts(8) n(4)
//	value        value                     value
//	  Timestamped  timestamp(8) value      value; the timestamp is the message's
//	deleted      (absent)                  null value
//
// Integers are big-endian. The zero value is a key-value store without timestamps.
//
// Stores with ByKey have a second row for each of these, of no value, which the changelog has not
// (package bykey): [Spec.RowByKey].
type Spec struct {
	// Store is the store's name; it is used in errors only.
	Store string
	// Windowed stores have the window's start before the key.
	Windowed bool
	// Sessions stores have the session's end and start before the key.
	Sessions bool
	// ByKey stores have rows by key as well.
	ByKey bool
	// Segment of the buffers of joins is how many milliseconds lie in a segment, whose start is
	// before the key; behind it are the record's timestamp and its number. They are Windowed too,
	// and have their records' timestamps and numbers in changelogs.
	Segment int64
	// Timestamped stores have the record's timestamp before the value.
	Timestamped bool
}

// Message is a change as the changelog has it. A nil Value deletes; a value of no bytes is empty
// and not nil.
type Message struct {
	Key, Value []byte
	Timestamp  int64 // milliseconds since 1970
}

// Change is a change as the store has it.
type Change struct {
	Key, Value []byte
	// Deleted changes remove Key and have no Value.
	Deleted bool
}

// prefix is how many bytes of time stand before the key in the store.
func (s Spec) prefix() int {
	switch {
	case s.Sessions:
		return sessionPrefix
	case s.Windowed:
		return windowPrefix
	}
	return 0
}

// suffix is how many bytes stand behind the key in the changelog.
func (s Spec) suffix() int {
	switch {
	case s.Sessions:
		return sessionPrefix
	case s.Windowed:
		return windowSuffix
	}
	return 0
}

// Logged reports whether the changelog has the changes of a key of the store. It has not those of
// rows by key.
func (s Spec) Logged(key []byte) bool { return !s.ByKey || !bykey.Is(key) }

// RowByKey appends the key of the row by key that belongs to a row that Decode has returned.
func (s Spec) RowByKey(dst, key []byte) []byte { return bykey.Row(dst, key, s.prefix()) }

// Encode turns a store's change into a message. at is the timestamp of messages whose value carries
// none: deletes and stores without timestamps.
//
// The message aliases key and value, and dst where a key has to be put together; dst, grown, is
// returned to be used again once the message has been copied. Encode allocates nothing when dst is
// large enough. It fails with [ErrMalformed].
func (s Spec) Encode(dst, key, value []byte, deleted bool, at int64) (m Message, _ []byte, err error) {
	m = Message{Key: key, Value: value, Timestamp: at}
	switch before := s.prefix(); {
	case s.Segment > 0:
		if len(key) < windowPrefix+joinSuffix {
			return Message{}, dst, fmt.Errorf("%w: store %q: join key of %d bytes", ErrMalformed, s.Store, len(key))
		}
		m.Key = key[windowPrefix:]
	case before != 0:
		if len(key) < before {
			return Message{}, dst, fmt.Errorf("%w: store %q: window key of %d bytes", ErrMalformed, s.Store, len(key))
		}
		n := len(dst)
		dst = append(dst, key[before:]...)
		dst = append(dst, key[:before]...)
		if !s.Sessions {
			dst = append(dst, 0, 0, 0, 0)
		}
		m.Key = dst[n:len(dst):len(dst)]
	}
	switch {
	case deleted:
		m.Value = nil
	case s.Timestamped:
		if len(value) < stampSize {
			return Message{}, dst, fmt.Errorf("%w: store %q: timestamped value of %d bytes", ErrMalformed, s.Store, len(value))
		}
		m.Timestamp = int64(binary.BigEndian.Uint64(value))
		m.Value = value[stampSize:]
	case value == nil:
		m.Value = []byte{} // not a delete
	}
	if m.Key == nil {
		m.Key = []byte{}
	}
	return m, dst, nil
}

// Decode turns a message into a store's change. The change aliases m, and dst where bytes have to
// be put together; dst, grown, is returned. It fails with [ErrMalformed] for a message that Encode
// cannot have made.
func (s Spec) Decode(dst []byte, m Message) (c Change, _ []byte, err error) {
	if m.Key == nil {
		return Change{}, dst, fmt.Errorf("%w: no key", ErrMalformed)
	}
	c = Change{Key: m.Key, Value: m.Value, Deleted: m.Value == nil}
	switch before := s.prefix(); {
	case s.Segment > 0:
		at := len(m.Key) - joinSuffix
		if at < 0 {
			return Change{}, dst, fmt.Errorf("%w: join key of %d bytes", ErrMalformed, len(m.Key))
		}
		ts := int64(binary.BigEndian.Uint64(m.Key[at:]))
		if ts < 0 {
			return Change{}, dst, fmt.Errorf("%w: join key with the timestamp %d", ErrMalformed, ts)
		}
		n := len(dst)
		dst = binary.BigEndian.AppendUint64(dst, uint64(ts-ts%s.Segment))
		dst = append(dst, m.Key...)
		c.Key = dst[n:len(dst):len(dst)]
	case before != 0:
		split := len(m.Key) - s.suffix()
		if split < 0 {
			return Change{}, dst, fmt.Errorf("%w: window key of %d bytes", ErrMalformed, len(m.Key))
		}
		times := m.Key[split:]
		if !s.Sessions {
			if seq := binary.BigEndian.Uint32(times[windowPrefix:]); seq != 0 {
				return Change{}, dst, fmt.Errorf("%w: window key with sequence number %d", ErrMalformed, seq)
			}
		}
		if s.ByKey && int64(binary.BigEndian.Uint64(times)) < 0 {
			return Change{}, dst, fmt.Errorf("%w: window key with the time %d", ErrMalformed, int64(binary.BigEndian.Uint64(times)))
		}
		n := len(dst)
		dst = append(dst, times[:before]...)
		dst = append(dst, m.Key[:split]...)
		c.Key = dst[n:len(dst):len(dst)]
	}
	if s.Timestamped && !c.Deleted {
		n := len(dst)
		dst = binary.BigEndian.AppendUint64(dst, uint64(m.Timestamp))
		dst = append(dst, m.Value...)
		c.Value = dst[n:len(dst):len(dst)]
	}
	return c, dst, nil
}

// grows is how many bytes of dst a message needs at most when it is decoded.
func (s Spec) grows(key, value []byte) (n int) {
	if s.prefix() != 0 {
		n += len(key) + windowPrefix
	}
	if s.Timestamped {
		n += stampSize + len(value)
	}
	return n
}
