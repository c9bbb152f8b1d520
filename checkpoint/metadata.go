package checkpoint

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// MaxMetadata is how long the metadata of an offset commit may be: the default of the broker's
// offset.metadata.max.bytes.
const MaxMetadata = 4096

// metadataVersion is the first byte of what is base64-encoded. The first version, which is read
// too, says nothing of shapes.
const metadataVersion = 2

var (
	// ErrMetadata marks errors of metadata that kolk did not write.
	ErrMetadata = errors.New("checkpoint: malformed commit metadata")

	// ErrMetadataTooLong is the error of metadata that the broker would refuse.
	ErrMetadataTooLong = errors.New("checkpoint: commit metadata is too long")
)

// Metadata is what goes with a committed offset of an input partition: who committed it, and what
// else was true then.
type Metadata struct {
	// TransactionalID and Seq name the transaction. There is no id where changelogs may have more
	// than is said here, without transactions.
	TransactionalID string
	Seq             uint64
	// Ref is the largest timestamp that the partition had shown, in milliseconds.
	Ref int64
	// Ended is the id of the last bounded run in which the partition came to its end, 0 if none.
	Ended uint64
	// Changelogs says where the changelogs of the task ended after the transaction: all that have
	// ever been written. nil says nothing of them: they are said beside another input.
	Changelogs []ChangelogEnd
}

// ChangelogEnd is the end of a store's changelog partition: the offset after the last message of
// the transaction.
type ChangelogEnd struct {
	Store   string
	TopicID [16]byte
	Offset  int64
	// Shape is the text of what the store is, or its [ShapeHash]; "" if that is not known.
	Shape string
}

// ShapeHash returns what stands for the text of a shape where there is no room for texts: 5 bytes,
// of which the first is 0. No text begins with it.
func ShapeHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "\x00" + string(sum[:4])
}

// IsShapeHash reports whether a shape is given by its hash only.
func IsShapeHash(shape string) bool { return strings.HasPrefix(shape, "\x00") }

// Encode returns the metadata as text of at most [MaxMetadata] bytes, or fails with
// [ErrMetadataTooLong]. Where the shapes do not fit, their hashes are written.
func (m Metadata) Encode() (string, error) {
	text, err := m.encode(func(shape string) string { return shape })
	if err != nil {
		text, err = m.encode(func(shape string) string {
			if shape == "" || IsShapeHash(shape) {
				return shape
			}
			return ShapeHash(shape)
		})
	}
	return text, err
}

func (m Metadata) encode(shape func(string) string) (string, error) {
	b := make([]byte, 0, 64+48*len(m.Changelogs))
	b = append(b, metadataVersion)
	b = appendText(b, m.TransactionalID)
	b = binary.AppendUvarint(b, m.Seq)
	b = binary.AppendVarint(b, m.Ref)
	b = binary.AppendUvarint(b, m.Ended)
	said := uint64(0)
	if m.Changelogs != nil {
		said = 1 + uint64(len(m.Changelogs))
	}
	b = binary.AppendUvarint(b, said)
	for _, c := range m.Changelogs {
		b = appendText(b, c.Store)
		b = append(b, c.TopicID[:]...)
		b = binary.AppendVarint(b, c.Offset)
		b = appendText(b, shape(c.Shape))
	}
	if n := base64.RawStdEncoding.EncodedLen(len(b)); n > MaxMetadata {
		return "", fmt.Errorf("%w: %d bytes for %d changelogs, of at most %d", ErrMetadataTooLong, n, len(m.Changelogs), MaxMetadata)
	}
	return base64.RawStdEncoding.EncodeToString(b), nil
}

// ParseMetadata is the inverse of [Metadata.Encode]. The empty text, which is what a commit without
// metadata has, gives the zero Metadata. Other errors are [ErrVersion] for a version that it does
// not know and [ErrMetadata].
func ParseMetadata(text string) (Metadata, error) {
	if text == "" {
		return Metadata{}, nil
	}
	if strings.ContainsAny(text, "\r\n") { // which the decoder skips
		return Metadata{}, fmt.Errorf("%w: line breaks", ErrMetadata)
	}
	b, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil {
		return Metadata{}, fmt.Errorf("%w: %w", ErrMetadata, err)
	}
	if len(b) == 0 {
		return Metadata{}, fmt.Errorf("%w: no version", ErrMetadata)
	}
	first := b[0] == 1
	if b[0] != metadataVersion && !first {
		return Metadata{}, fmt.Errorf("%w %d of commit metadata: this one is %d", ErrVersion, b[0], metadataVersion)
	}
	r := metadataReader{rest: b[1:]}
	m := Metadata{TransactionalID: r.text(), Seq: r.uvarint(), Ref: r.varint(), Ended: r.uvarint()}
	n := r.uvarint()
	said := n > 0
	if said && !first {
		n--
	}
	// Each changelog takes 18 bytes or more: a wrong number claims no memory.
	if r.failed || n > uint64(len(r.rest)/18) {
		return Metadata{}, ErrMetadata
	}
	if said {
		m.Changelogs = make([]ChangelogEnd, n)
	}
	for i := range m.Changelogs {
		c := ChangelogEnd{Store: r.text(), TopicID: r.id(), Offset: r.varint()}
		if !first {
			c.Shape = r.text()
		}
		m.Changelogs[i] = c
	}
	if r.failed || len(r.rest) > 0 {
		return Metadata{}, ErrMetadata
	}
	return m, nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// metadataReader takes one field after the other. After a failure it returns zero values. Like all
// of kolk's formats this one has one encoding of each value, and others are refused.
type metadataReader struct {
	rest   []byte
	failed bool
}

func (r *metadataReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || n > 1 && r.rest[n-1] == 0 { // not in its shortest form
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *metadataReader) varint() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (r *metadataReader) text() string {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.fail()
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

func (r *metadataReader) id() (id [16]byte) {
	if len(r.rest) < len(id) {
		r.fail()
		return id
	}
	copy(id[:], r.rest)
	r.rest = r.rest[len(id):]
	return id
}

func (r *metadataReader) fail() { r.failed, r.rest = true, nil }
