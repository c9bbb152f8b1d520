// Package changelog is the log of a task's state: the topics that mirror stores, how a change is
// written there, and how state is read back.
//
// A store has one changelog topic, [Name], with one partition for each task of its sub-topology.
// [Spec] turns the bytes of a store into messages and back; [EnsureTopics] creates the topics and
// refuses those that would lose state; a [Restorer] reads partitions back into stores, and follows
// the topics of global tables.
//
// The package knows bytes and topics. What a store is, where positions are kept and which
// transaction writes a changelog is decided elsewhere. docs/format/changelog.md describes the
// messages byte by byte.
package changelog

// Name returns the name of the changelog topic of an application's store.
func Name(app, store string) string { return app + "-" + store + "-changelog" }

// RepartitionName returns the name of an application's repartition topic.
func RepartitionName(app, name string) string { return app + "-" + name + "-repartition" }
