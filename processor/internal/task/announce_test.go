package task

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/kolkstream/kolk/topology"
)

func TestAnnouncementBytes(t *testing.T) {
	for _, c := range []struct {
		a    announcement
		want string
	}{
		{announcement{sub: []byte("w"), partition: 3, run: 0, time: 1, flags: 0}, "0100000203" + "77"},
		{announcement{sub: []byte("up"), partition: 200, run: 300, time: -1, flags: end | control}, "010cac0201c801" + "7570"},
		{announcement{sub: []byte("x"), time: topology.NoTime, flags: idle | caughtUp}, "010300ffffffffffffffffff0100" + "78"},
	} {
		b := c.a.append(nil)
		same(t, "bytes", fmt.Sprintf("%x", b), c.want)
		var back announcement
		if err := back.parse(b); err != nil {
			t.Fatal(err)
		}
		same(t, "parsed", fmt.Sprint(back), fmt.Sprint(c.a))
	}
}

func TestLateBytes(t *testing.T) {
	for late, hex := range map[int64]string{1: "0102", -1: "0101", 1000: "01d00f"} {
		b := appendLate(nil, late)
		same(t, "bytes", fmt.Sprintf("%x", b), hex)
		back, err := parseLate(b)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "parsed", back, late)
	}
}

func TestHeadersOfNewerVersionsAreRefused(t *testing.T) {
	var a announcement
	for _, b := range [][]byte{{}, {1}, {2, 0, 0, 0, 0, 'w'}, {1, 16, 0, 0, 0, 'w'}, {1, 0, 0, 0, 0}, {1, 0, 0x80}} {
		if err := a.parse(b); err == nil {
			t.Errorf("% x: parsed as %v", b, a)
		}
	}
	for _, b := range [][]byte{{}, {1}, {2, 0}, {1, 0x80}, {1, 0, 0}} {
		if late, err := parseLate(b); err == nil {
			t.Errorf("% x: parsed as %d", b, late)
		}
	}
}

func FuzzAnnouncement(f *testing.F) {
	for _, a := range []announcement{
		{sub: []byte("w"), partition: 3, time: 1},
		{sub: []byte("a-b.c"), partition: 1<<31 - 1, run: 1<<64 - 1, time: topology.NoTime, flags: allFlags},
	} {
		f.Add(a.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var a, again announcement
		if a.parse(b) != nil {
			return
		}
		if err := again.parse(a.append(nil)); err != nil {
			t.Fatalf("% x: %+v does not parse again: %v", b, a, err)
		}
		if !bytes.Equal(a.sub, again.sub) || a.partition != again.partition || a.run != again.run || a.time != again.time || a.flags != again.flags {
			t.Fatalf("% x: %+v became %+v", b, a, again)
		}
	})
}

func FuzzLate(f *testing.F) {
	f.Add(appendLate(nil, -5))
	f.Fuzz(func(t *testing.T, b []byte) {
		late, err := parseLate(b)
		if err != nil {
			return
		}
		if again, err := parseLate(appendLate(nil, late)); err != nil || again != late {
			t.Fatalf("% x: %d became %d, %v", b, late, again, err)
		}
	})
}
