package checkpoint_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/checkpoint"
)

func example() checkpoint.Metadata {
	return checkpoint.Metadata{
		TransactionalID: "flights-0a-1",
		Seq:             300,
		Ref:             -2,
		Ended:           5,
		Changelogs:      []checkpoint.ChangelogEnd{{"delays", id(0xa0), 258, "count key=string value=int64"}, {"state-time", id(0), 0, ""}},
	}
}

// TestMetadataFormat fixes the bytes that docs/format/commit-metadata.md describes.
func TestMetadataFormat(t *testing.T) {
	text, err := example().Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	want := "\x02" +
		"\x0cflights-0a-1" +
		"\xac\x02" +
		"\x03" +
		"\x05" +
		"\x03" +
		"\x06delays" + "\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xab\xac\xad\xae\xaf" + "\x84\x04" + "\x1ccount key=string value=int64" +
		"\x0astate-time" + "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f" + "\x00" + "\x00"
	if string(got) != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestMetadataRoundTrip(t *testing.T) {
	for _, m := range []checkpoint.Metadata{
		{},
		example(),
		{TransactionalID: "x", Seq: math.MaxUint64, Ref: math.MinInt64, Ended: math.MaxUint64},
		{Ref: 1, Changelogs: []checkpoint.ChangelogEnd{}},
		{Ref: math.MaxInt64, Changelogs: []checkpoint.ChangelogEnd{{"", [16]byte{}, math.MaxInt64, checkpoint.ShapeHash("x")}, {"s", id(9), -1, "x"}}},
	} {
		text, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := checkpoint.ParseMetadata(text); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%v, %v; want %v", got, err, m)
		}
	}
	if m, err := checkpoint.ParseMetadata(""); err != nil || !reflect.DeepEqual(m, checkpoint.Metadata{}) {
		t.Errorf("no metadata: %v, %v", m, err)
	}
}

func TestMetadataLimit(t *testing.T) {
	m := checkpoint.Metadata{TransactionalID: "flights-0a-1"}
	last := 0
	for i := 0; ; i++ {
		text, err := m.Encode()
		if len(text) > checkpoint.MaxMetadata {
			t.Fatalf("%d bytes", len(text))
		}
		if err != nil {
			if !errors.Is(err, checkpoint.ErrMetadataTooLong) || text != "" {
				t.Errorf("%q, %v", text, err)
			}
			// The limit is used, and a task may have a good number of stores.
			if last < checkpoint.MaxMetadata-64 || i < 80 {
				t.Errorf("refused %d changelogs after %d bytes", i, last)
			}
			return
		}
		last = len(text)
		m.Changelogs = append(m.Changelogs, checkpoint.ChangelogEnd{Store: fmt.Sprintf("store-%d", i), Offset: 1 << 40, Shape: "aggregate tumbling=10m key=string value=json columns=n:count"})
	}
}

func TestMetadataMalformed(t *testing.T) {
	encode := func(b string) string { return base64.RawStdEncoding.EncodeToString([]byte(b)) }
	text, err := example().Encode()
	if err != nil {
		t.Fatal(err)
	}
	good, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n < len(good); n++ {
		if m, err := checkpoint.ParseMetadata(encode(string(good[:n]))); !errors.Is(err, checkpoint.ErrMetadata) {
			t.Errorf("the first %d bytes: %v, %v", n, m, err)
		}
	}
	for _, bad := range []string{
		"no base64!", "AQ==", "A", "\n",
		encode(string(good) + "x"),
		text + "\n",
		text[:8] + "\r\n" + text[8:],
		encode("\x01\x80\x00\x00\x00\x00\x00"),
		encode("\x01\x00\x00\x80\x00\x00\x00"),
		encode("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
		encode("\x01\x00\x00\x00\x00\xff\xff\xff\xff\x0f" + strings.Repeat("x", 100)),
	} {
		if m, err := checkpoint.ParseMetadata(bad); !errors.Is(err, checkpoint.ErrMetadata) {
			t.Errorf("%q: %v, %v", bad, m, err)
		}
	}
	for _, future := range []string{encode("\x03"), encode("\x00"), encode("\xff" + string(good[1:]))} {
		if m, err := checkpoint.ParseMetadata(future); !errors.Is(err, checkpoint.ErrVersion) {
			t.Errorf("%q: %v, %v", future, m, err)
		}
	}
}

func FuzzParseMetadata(f *testing.F) {
	text, err := example().Encode()
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"", text, text[:20], "AQ", "AQAAAAAA", "\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := checkpoint.ParseMetadata(text)
		if err != nil {
			if !errors.Is(err, checkpoint.ErrMetadata) && !errors.Is(err, checkpoint.ErrVersion) {
				t.Errorf("%v", err)
			}
			return
		}
		again, err := m.Encode()
		if err != nil {
			// What is read may be longer than what may be written.
			if len(text) <= checkpoint.MaxMetadata {
				t.Fatalf("%d bytes: %v", len(text), err)
			}
			return
		}
		if first, _ := base64.RawStdEncoding.DecodeString(text); again != text && text != "" && first[0] != 1 {
			t.Errorf("%q, and again %q", text, again)
		}
	})
}

// What the first version wrote is read: it knows no shapes, and cannot say that there are no
// changelogs.
func TestMetadataFirstVersion(t *testing.T) {
	encode := func(b string) string { return base64.RawStdEncoding.EncodeToString([]byte(b)) }
	m, err := checkpoint.ParseMetadata(encode("\x01\x01t\x07\x02\x00\x01\x01s" + string(make([]byte, 16)) + "\x06"))
	want := checkpoint.Metadata{TransactionalID: "t", Seq: 7, Ref: 1, Changelogs: []checkpoint.ChangelogEnd{{Store: "s", Offset: 3}}}
	if err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("%+v, %v", m, err)
	}
	m, err = checkpoint.ParseMetadata(encode("\x01\x01t\x07\x02\x00\x00"))
	if err != nil || m.Changelogs != nil {
		t.Errorf("%+v, %v", m, err)
	}
}

// Shapes that do not fit are written as hashes, and only then.
func TestMetadataHashes(t *testing.T) {
	m := checkpoint.Metadata{TransactionalID: "flights-0a-1"}
	for i := range 60 {
		m.Changelogs = append(m.Changelogs, checkpoint.ChangelogEnd{Store: fmt.Sprintf("store-%d", i), Offset: 1, Shape: fmt.Sprintf("aggregate tumbling=%dm key=string value=json", i)})
		text, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := checkpoint.ParseMetadata(text)
		if err != nil {
			t.Fatal(err)
		}
		for j, c := range got.Changelogs {
			shape := m.Changelogs[j].Shape
			if c.Shape != shape && (i < 20 || c.Shape != checkpoint.ShapeHash(shape)) || checkpoint.IsShapeHash(c.Shape) != (c.Shape != shape) {
				t.Fatalf("%d changelogs: %q", i+1, c.Shape)
			}
		}
		if i == 59 && !checkpoint.IsShapeHash(got.Changelogs[0].Shape) {
			t.Error("60 texts fit")
		}
	}
}
