package checkpoint

import (
	"encoding/binary"
	"fmt"

	"github.com/kolkstream/kolk/state"
)

// The kinds of metadata: the byte behind prefix 0. Behind it comes the name, if the kind has one.
const (
	kindChangelog = 'c'
	kindShape     = 'd'
	kindIdentity  = 'i'
	kindInput     = 'n'
	kindStore     = 's'
	kindCommit    = 't'
)

// maxName is the longest name of a store or topic, in bytes. Kafka's topic names end at 249.
const maxName = 1024

// maxIdentity is the longest part of an identity, in bytes.
const maxIdentity = 1 << 15

var (
	metaLow     = []byte{0, 0}
	metaHigh    = []byte{0, 1}
	identityKey = []byte{0, 0, kindIdentity}
	commitKey   = []byte{0, 0, kindCommit}
)

func appendKey(dst []byte, kind byte, name string) []byte {
	return append(append(dst, 0, 0, kind), name...)
}

// appendIdentity: version, then each part as its length (uvarint) and its bytes.
func appendIdentity(dst []byte, id Identity) ([]byte, error) {
	dst = append(dst, FormatVersion)
	for _, part := range []string{id.Application, id.ClusterID, id.Task} {
		if len(part) > maxIdentity {
			return nil, fmt.Errorf("checkpoint: an identity with a part of %d bytes", len(part))
		}
		dst = binary.AppendUvarint(dst, uint64(len(part)))
		dst = append(dst, part...)
	}
	return dst, nil
}

func parseIdentity(src []byte) (Identity, error) {
	var id Identity
	if err := checkVersion("identity", src); err != nil {
		return id, err
	}
	src = src[1:]
	for _, part := range []*string{&id.Application, &id.ClusterID, &id.Task} {
		n, k := binary.Uvarint(src)
		if k <= 0 || n > uint64(len(src)-k) || k > 1 && src[k-1] == 0 {
			return Identity{}, malformed("identity")
		}
		*part, src = string(src[k:k+int(n)]), src[k+int(n):]
	}
	if len(src) > 0 {
		return Identity{}, malformed("identity")
	}
	return id, nil
}

func appendPrefix(dst []byte, prefix uint16) []byte {
	return binary.BigEndian.AppendUint16(append(dst, FormatVersion), prefix)
}

func appendPosition(dst []byte, p TopicPosition) []byte {
	dst = append(append(dst, FormatVersion), p.TopicID[:]...)
	return binary.BigEndian.AppendUint64(dst, uint64(p.Offset))
}

func appendOffset(dst []byte, offset int64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, FormatVersion), uint64(offset))
}

// commitRecord is the last transaction: its number, and its wall-clock time in milliseconds.
type commitRecord struct {
	seq uint64
	at  int64
}

func (r commitRecord) with(u Update) commitRecord {
	if u.Seq != 0 {
		r.seq = u.Seq
	}
	if !u.At.IsZero() {
		r.at = u.At.UnixMilli()
	}
	return r
}

func (r commitRecord) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, FormatVersion), r.seq)
	return binary.BigEndian.AppendUint64(dst, uint64(r.at))
}

// load takes over one entry of the metadata.
func (c *Checkpoint) load(key, value []byte) error {
	if len(key) < 3 {
		return malformed(fmt.Sprintf("metadata key %x", key))
	}
	kind, name := key[2], string(key[3:])
	what := fmt.Sprintf("metadata %c %q", kind, name)
	if err := checkVersion(what, value); err != nil {
		return err
	}
	value = value[1:]
	var length int
	switch kind {
	case kindIdentity:
		return nil // read before all else
	case kindShape:
		c.shapes[name] = string(value)
		return nil
	case kindStore:
		length = 2
	case kindChangelog:
		length = 16 + 8
	case kindInput:
		length = 8
	case kindCommit:
		length = 8 + 8
	default:
		return fmt.Errorf("%w: %s", ErrVersion, what) // a kind that a newer version has added
	}
	if len(value) != length {
		return malformed(what)
	}
	switch kind {
	case kindStore:
		p := binary.BigEndian.Uint16(value)
		if p == 0 || p == 1<<16-1 {
			return malformed(what)
		}
		for other, q := range c.prefixes {
			if p == q {
				return malformed(what + " with the prefix of " + other)
			}
		}
		c.prefixes[name] = p
	case kindChangelog:
		c.changelogs[name] = TopicPosition{TopicID: [16]byte(value[:16]), Offset: int64(binary.BigEndian.Uint64(value[16:]))}
	case kindInput:
		c.inputs[name] = int64(binary.BigEndian.Uint64(value))
	case kindCommit:
		c.commit = commitRecord{seq: binary.BigEndian.Uint64(value), at: int64(binary.BigEndian.Uint64(value[8:]))}
	}
	return nil
}

func checkVersion(what string, value []byte) error {
	if len(value) == 0 {
		return malformed(what)
	}
	if value[0] != FormatVersion {
		return fmt.Errorf("%w %d of %s: this one is %d", ErrVersion, value[0], what, FormatVersion)
	}
	return nil
}

func malformed(what string) error {
	return fmt.Errorf("checkpoint: %w: malformed %s", state.ErrCorrupt, what)
}
