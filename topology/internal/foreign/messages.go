package foreign

import (
	"encoding/binary"
	"fmt"

	"github.com/kolkstream/kolk/serde"
)

// Step is a change of a row of the left table, as the join sees it.
type Step struct {
	// Number is larger than that of any change before, of whatever row of the task.
	Number int64
	Key    []byte
	// From and To are the foreign keys before and now; nil for none.
	From, To []byte
	// There says that the row is in the join now, with Value.
	There bool
	Value []byte
}

// Subscription is what goes to the place of a foreign key: from now on it is to answer to change
// Number of the row Key, or not any more.
type Subscription struct {
	Number int64
	Ends   bool
	// Say says that the answer matters although there is no right row: the row had another foreign
	// key before.
	Say bool
	Key []byte
}

// Left is what the place of the result is told of a left row.
type Left struct {
	Number int64
	There  bool
	// Answered says that the row has a foreign key, so that an answer of this number comes.
	Answered bool
	Value    []byte
}

// Answer is what the place of a foreign key has for change Number of a left row. Its record has the
// timestamp of the right row, if there is one.
type Answer struct {
	Number int64
	// Ends says that no other answer comes from there: the row has gone, or has another foreign
	// key, since change Number.
	Ends bool
	// Say is as in [Subscription].
	Say bool
	// Update says that the right row has changed.
	Update bool
	// Has says that there is a right row, with Right.
	Has   bool
	Right []byte
}

// version is the first byte of all messages and rows.
const version = 1

// The flags of messages; docs/format/foreign.md describes the bytes.
const (
	leftThere = 1 << iota
	leftAnswered
)

const (
	answerEnds = 1 << iota
	answerSay
	answerUpdate
	answerHas
)

// The instructions, with Kafka Streams' numbers. It has another one, 1: delete, and answer.
const (
	deleteKey     = 0
	propagateNull = 2
	propagateOnly = 3
)

// codec is the serde of a message. What Decode returns has parts of the bytes: it is good as long
// as they are.
type codec[T any] struct {
	name   string
	append func(dst []byte, v T) []byte
	decode func(flags byte, number int64, rest []byte) (T, error)
}

func (c codec[T]) Name() string { return c.name }

func (c codec[T]) Append(dst []byte, v T) ([]byte, error) { return c.append(dst, v), nil }

func (c codec[T]) Decode(src []byte) (v T, err error) {
	switch {
	case len(src) < messageHead:
		return v, fmt.Errorf("%w: %d bytes are no %s", serde.ErrMalformed, len(src), c.name)
	case src[0] != version:
		return v, fmt.Errorf("%s of version %d, which a newer kolk has written", c.name, src[0])
	}
	v, err = c.decode(src[1], int64(binary.BigEndian.Uint64(src[2:])), src[messageHead:])
	if err != nil {
		return v, fmt.Errorf("%s: %w", c.name, err)
	}
	return v, nil
}

// messageHead is how many bytes head appends.
const messageHead = 10

// head appends what all messages begin with.
func head(dst []byte, flags byte, number int64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, version, flags), uint64(number))
}

func unknown(flags byte) error { return fmt.Errorf("%w: flags %#x", serde.ErrMalformed, flags) }

// SubscriptionSerde returns the serde of subscriptions.
func SubscriptionSerde() serde.Serde[Subscription] {
	return codec[Subscription]{
		name: "foreign-subscription",
		append: func(dst []byte, s Subscription) []byte {
			instruction := byte(propagateOnly)
			switch {
			case s.Ends:
				instruction = deleteKey
			case s.Say:
				instruction = propagateNull
			}
			return append(head(dst, instruction, s.Number), s.Key...)
		},
		decode: func(instruction byte, number int64, rest []byte) (Subscription, error) {
			s := Subscription{Number: number, Key: rest}
			switch instruction {
			case deleteKey:
				s.Ends = true
			case propagateNull:
				s.Say = true
			case propagateOnly:
			default:
				return s, fmt.Errorf("%w: instruction %d", serde.ErrMalformed, instruction)
			}
			return s, nil
		},
	}
}

// LeftSerde returns the serde of what is told of left rows.
func LeftSerde() serde.Serde[Left] {
	return codec[Left]{
		name: "foreign-left",
		append: func(dst []byte, l Left) []byte {
			return append(head(dst, flag(l.There, leftThere)|flag(l.Answered, leftAnswered), l.Number), l.Value...)
		},
		decode: func(flags byte, number int64, rest []byte) (Left, error) {
			if flags&^(leftThere|leftAnswered) != 0 {
				return Left{}, unknown(flags)
			}
			return Left{Number: number, There: flags&leftThere != 0, Answered: flags&leftAnswered != 0, Value: rest}, nil
		},
	}
}

// AnswerSerde returns the serde of answers.
func AnswerSerde() serde.Serde[Answer] {
	return codec[Answer]{
		name:   "foreign-answer",
		append: appendAnswer,
		decode: func(flags byte, number int64, rest []byte) (Answer, error) {
			if flags >= answerHas<<1 {
				return Answer{}, unknown(flags)
			}
			return Answer{
				Number: number, Ends: flags&answerEnds != 0, Say: flags&answerSay != 0, Update: flags&answerUpdate != 0,
				Has: flags&answerHas != 0, Right: rest,
			}, nil
		},
	}
}

func appendAnswer(dst []byte, a Answer) []byte {
	flags := flag(a.Ends, answerEnds) | flag(a.Say, answerSay) | flag(a.Update, answerUpdate) | flag(a.Has, answerHas)
	return append(head(dst, flags, a.Number), a.Right...)
}

func flag(set bool, bit byte) byte {
	if set {
		return bit
	}
	return 0
}
