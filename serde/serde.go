package serde

// Serde converts values of T to bytes and back.
//
// Implementations must be safe for concurrent use, and deterministic: equal values give equal
// bytes. The bytes of a key decide its partition and its place in a store, so a key's encoding must
// never change while its topics live.
type Serde[T any] interface {
	// Name is what describe shows: "string", "int64", "json". Two serdes with one name are taken to
	// write the same bytes.
	Name() string

	// Append appends the encoding of v to dst and returns the extended slice, as append does. It
	// must not keep dst. After an error the returned slice is not used.
	Append(dst []byte, v T) ([]byte, error)

	// Decode returns the value that src encodes. It must not keep src or parts of it: the caller
	// reuses the bytes. src may be empty and is never nil: a key or value that is missing is not
	// decoded.
	Decode(src []byte) (T, error)
}
