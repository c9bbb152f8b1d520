package changelog_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/kolkstream/kolk/changelog"
)

func TestCodecBytes(t *testing.T) {
	be := binary.BigEndian.AppendUint64
	for _, test := range []struct {
		name       string
		spec       changelog.Spec
		key, value []byte
		deleted    bool
		want       changelog.Message
	}{
		{"key-value", changelog.Spec{}, []byte("k"), []byte("v"), false, changelog.Message{Key: []byte("k"), Value: []byte("v"), Timestamp: 7}},
		{"empty value", changelog.Spec{}, []byte("k"), nil, false, changelog.Message{Key: []byte("k"), Value: []byte{}, Timestamp: 7}},
		{"empty key", changelog.Spec{}, nil, []byte("v"), false, changelog.Message{Key: []byte{}, Value: []byte("v"), Timestamp: 7}},
		{"deleted", changelog.Spec{}, []byte("k"), nil, true, changelog.Message{Key: []byte("k"), Timestamp: 7}},
		{"timestamped", changelog.Spec{Timestamped: true}, []byte("k"), append(be(nil, 42), 'v'), false, changelog.Message{Key: []byte("k"), Value: []byte("v"), Timestamp: 42}},
		{"timestamped, empty", changelog.Spec{Timestamped: true}, []byte("k"), be(nil, 42), false, changelog.Message{Key: []byte("k"), Value: []byte{}, Timestamp: 42}},
		{"timestamped, deleted", changelog.Spec{Timestamped: true}, []byte("k"), nil, true, changelog.Message{Key: []byte("k"), Timestamp: 7}},
		{"window", changelog.Spec{Windowed: true, Timestamped: true}, append(be(nil, 0x0102030405060708), "key"...), append(be(nil, 42), 'v'), false,
			changelog.Message{Key: []byte("key\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x00\x00"), Value: []byte("v"), Timestamp: 42}},
		{"session", changelog.Spec{Windowed: true, Sessions: true, ByKey: true}, append(be(be(nil, 0x0202030405060708), 0x0102030405060708), "key"...), []byte("v"), false,
			changelog.Message{Key: []byte("key\x02\x02\x03\x04\x05\x06\x07\x08\x01\x02\x03\x04\x05\x06\x07\x08"), Value: []byte("v"), Timestamp: 7}},
		{"session, empty key, deleted", changelog.Spec{Windowed: true, Sessions: true, ByKey: true}, be(be(nil, 2), 1), nil, true,
			changelog.Message{Key: be(be(nil, 2), 1), Timestamp: 7}},
		{"sliding window", changelog.Spec{Windowed: true, ByKey: true, Timestamped: true}, append(be(nil, 1_000_000), "ab"...), append(be(nil, 1_000_100), 7), false,
			changelog.Message{Key: []byte("ab\x00\x00\x00\x00\x00\x0f\x42\x40\x00\x00\x00\x00"), Value: []byte{7}, Timestamp: 1_000_100}},
		{"window, empty key, deleted", changelog.Spec{Windowed: true}, be(nil, 1), nil, true,
			changelog.Message{Key: []byte("\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00"), Timestamp: 7}},
	} {
		m, dst, err := test.spec.Encode([]byte("before"), test.key, test.value, test.deleted, 7)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if !bytes.Equal(m.Key, test.want.Key) || m.Key == nil || !bytes.Equal(m.Value, test.want.Value) || (m.Value == nil) != (test.want.Value == nil) || m.Timestamp != test.want.Timestamp {
			t.Errorf("%s: got %q %q (nil: %v) at %d", test.name, m.Key, m.Value, m.Value == nil, m.Timestamp)
		}
		if !bytes.HasPrefix(dst, []byte("before")) {
			t.Errorf("%s: what was in dst is gone: %q", test.name, dst)
		}
		c, _, err := test.spec.Decode([]byte("before"), m)
		if err != nil || !bytes.Equal(c.Key, test.key) || !bytes.Equal(c.Value, test.value) || c.Deleted != test.deleted {
			t.Errorf("%s: back: %q %q %v, %v", test.name, c.Key, c.Value, c.Deleted, err)
		}
	}
}

func TestCodecMalformed(t *testing.T) {
	window, stamped := changelog.Spec{Store: "s", Windowed: true}, changelog.Spec{Store: "s", Timestamped: true}
	if _, _, err := window.Encode(nil, make([]byte, 7), nil, true, 0); !errors.Is(err, changelog.ErrMalformed) {
		t.Errorf("short window key: %v", err)
	}
	if _, _, err := stamped.Encode(nil, []byte("k"), make([]byte, 7), false, 0); !errors.Is(err, changelog.ErrMalformed) {
		t.Errorf("short timestamped value: %v", err)
	}
	for name, key := range map[string][]byte{"no key": nil, "short": make([]byte, 11), "sequence number": {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}} {
		if _, _, err := window.Decode(nil, changelog.Message{Key: key}); !errors.Is(err, changelog.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzCodec(f *testing.F) {
	f.Add([]byte("12345678key"), []byte("12345678value"), false, int64(5), true, true)
	f.Add([]byte{}, []byte{}, true, int64(-1), false, false)
	f.Fuzz(func(t *testing.T, key, value []byte, deleted bool, at int64, windowed, timestamped bool) {
		spec := changelog.Spec{Windowed: windowed, Timestamped: timestamped}
		if deleted {
			value = nil
		}
		m, _, err := spec.Encode(nil, key, value, deleted, at)
		if bad := windowed && len(key) < 8 || timestamped && !deleted && len(value) < 8; bad != (err != nil) {
			t.Fatalf("encode: %v", err)
		} else if bad {
			return
		}
		// The message may be copied, as producers do.
		m.Key = append([]byte{}, m.Key...)
		if m.Value != nil {
			m.Value = append([]byte{}, m.Value...)
		}
		c, _, err := spec.Decode([]byte("x"), m)
		if err != nil || !bytes.Equal(c.Key, key) || !bytes.Equal(c.Value, value) || c.Deleted != deleted {
			t.Fatalf("back: %q %q %v, %v", c.Key, c.Value, c.Deleted, err)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("key12345678\x00\x00\x00\x00"), []byte("v"), int64(5), true, true)
	f.Fuzz(func(t *testing.T, key, value []byte, at int64, windowed, timestamped bool) {
		spec := changelog.Spec{Windowed: windowed, Timestamped: timestamped}
		c, dst, err := spec.Decode(nil, changelog.Message{Key: key, Value: value, Timestamp: at})
		if err != nil {
			if !errors.Is(err, changelog.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		m, _, err := spec.Encode(dst, c.Key, c.Value, c.Deleted, at)
		if err != nil || !bytes.Equal(m.Key, key) || !bytes.Equal(m.Value, value) || m.Timestamp != at {
			t.Fatalf("back: %q %q %d, %v", m.Key, m.Value, m.Timestamp, err)
		}
	})
}

func TestCodecAllocatesNothing(t *testing.T) {
	spec := changelog.Spec{Windowed: true, Timestamped: true}
	key, value, dst := []byte("12345678key"), []byte("12345678value"), make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() {
		m, _, err := spec.Encode(dst, key, value, false, 0)
		if err != nil || len(m.Key) != 15 {
			t.Fatal(m, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per message", n)
	}
}

// TestRowsByKey pins the bytes of rows by key, and that they are in no changelog.
func TestRowsByKey(t *testing.T) {
	be := binary.BigEndian.AppendUint64
	for _, test := range []struct {
		spec changelog.Spec
		key  []byte
		want string
	}{
		{changelog.Spec{Windowed: true, Sessions: true, ByKey: true}, append(be(be(nil, 2), 1), "ab"...), "\xff\x02ab\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x01"},
		{changelog.Spec{Windowed: true, ByKey: true}, append(be(nil, 1), "ab"...), "\xff\x02ab\x00\x00\x00\x00\x00\x00\x00\x01"},
		{changelog.Spec{Windowed: true, ByKey: true}, be(nil, 1), "\xff\x00\x00\x00\x00\x00\x00\x00\x00\x01"},
	} {
		got := test.spec.RowByKey(nil, test.key)
		if string(got) != test.want {
			t.Errorf("%x: got %x, want %x", test.key, got, test.want)
		}
		if !test.spec.Logged(test.key) || test.spec.Logged(got) {
			t.Errorf("%x: the changelog is to have it, and not %x", test.key, got)
		}
	}
	if key := []byte{0xff}; !(changelog.Spec{}).Logged(key) {
		t.Error("a key-value store has no rows by key")
	}
	spec := changelog.Spec{Windowed: true, ByKey: true}
	if c, _, err := spec.Decode(nil, changelog.Message{Key: append(be([]byte("k"), 1<<63), 0, 0, 0, 0)}); !errors.Is(err, changelog.ErrMalformed) {
		t.Errorf("a time before 1970: %x, %v", c.Key, err)
	}
}
