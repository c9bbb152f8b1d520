package topoyaml

import (
	"slices"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/steps"
)

// Kind says how a source reads its topics.
type Kind string

const (
	// StreamSource reads each message as a record.
	StreamSource Kind = "stream"
	// PatternSource reads each message of all topics that a pattern matches as a record.
	PatternSource Kind = "pattern"
	// TableSource keeps the latest message of each key, by partition.
	TableSource Kind = "table"
	// GlobalSource keeps the latest message of each key, whole in each process.
	GlobalSource Kind = "global"
)

// Source is a source of a file. It is immutable, and safe for concurrent use.
type Source struct{ of *steps.Source }

// Name is the source's name in the file.
func (s *Source) Name() string { return s.of.Name }

// Kind says how the topic is read.
func (s *Source) Kind() Kind { return Kind(s.of.Kind) }

// Topics are the topics that the source reads: one, unless it is a stream of several, or of those
// that a pattern matches, of which none is named.
func (s *Source) Topics() []string { return slices.Clone(s.of.Topics) }

// Reads reports whether the source reads the topic, if there is one of that name.
func (s *Source) Reads(topic string) bool {
	return slices.Contains(s.of.Topics, topic) || s.of.Pattern != nil && s.of.Pattern.MatchString(topic)
}

// KeySerde is the name of the serde of the keys.
func (s *Source) KeySerde() string { return s.of.Key.Name() }

// ValueSerde is the name of the serde of the values.
func (s *Source) ValueSerde() string { return s.of.Value.Name() }

// HasTime reports whether the file says how a record's time follows from its value. Otherwise it is
// the message's timestamp.
func (s *Source) HasTime() bool { return s.of.Time != nil }
