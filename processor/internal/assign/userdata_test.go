package assign

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"
)

// the bytes of docs/format/assignment.md.
func TestUserDataBytes(t *testing.T) {
	member := memberData{
		Process: "p1", Worker: 300, TransactionalID: "app-p1-300", Plan: "f00d", Details: "d",
		Owned: []Task{{"a", 0}, {"a", 1}, {"a", 5}, {"b", 2}},
		Held:  []Task{{"b", 2}},
	}
	for _, test := range []struct {
		name, want string
		got        []byte
	}{
		{"member", "02" + "027031" + "ac02" + "0a" + hex.EncodeToString([]byte("app-p1-300")) + "0466303064" + "0164" + "02" + "0161" + "03" + "000003" + "0162" + "01" + "02" + "01" + "0162" + "01" + "02", member.append(nil)},
		{"nothing", "02" + "00" + "00" + "00" + "00" + "00" + "00" + "00", memberData{}.append(nil)},
		{"assignment", "02" + "00" + "0466303064" + "00" + "03" + "01" + "0161" + "01" + "07" + "01" + "0178" + "01" + "0179" + "02",
			assignmentData{Plan: "f00d", Members: 3, Tasks: []Task{{"a", 7}}, Live: []string{"x"}, Gone: []gone{{"y", 2}}}.append(nil)},
		{"refused", "02" + "01" + "0466303064" + "026464" + "03" + "00" + "00" + "00", assignmentData{Plan: "f00d", Details: "dd", Members: 3, Refused: true}.append(nil)},
		{"yields", "02" + "02" + "0466303064" + "00" + "03" + "00" + "00" + "00", assignmentData{Plan: "f00d", Members: 3, Yields: true}.append(nil)},
	} {
		if got := hex.EncodeToString(test.got); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
	back, err := parseMemberData(member.append(nil))
	if err != nil || !reflect.DeepEqual(back, member) {
		t.Errorf("back: %+v, %v", back, err)
	}
}

func TestUserDataVersion(t *testing.T) {
	if _, err := parseMemberData([]byte{1, 0, 0, 0, 0, 0, 0}); !errors.Is(err, errUserData) || err.Error() != "assign: user data: member has version 1, this program knows 2" {
		t.Error(err)
	}
	if _, err := parseAssignment([]byte{1}); !errors.Is(err, errUserData) {
		t.Error(err)
	}
	if _, err := parseAssignment(append([]byte{2, 4}, assignmentData{}.append(nil)[2:]...)); !errors.Is(err, errUserData) {
		t.Error(err)
	}
	if d, err := parseAssignment(nil); err != nil || d.Tasks != nil {
		t.Error(d, err)
	}
}

func FuzzMemberData(f *testing.F) {
	f.Add(memberData{Process: "p", Worker: 1, TransactionalID: "t", Plan: "f", Owned: []Task{{"a", 1}, {"b", 2}}, Held: []Task{{"a", 1 << 30}}}.append(nil))
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, src []byte) {
		d, err := parseMemberData(src)
		if err != nil {
			if !errors.Is(err, errUserData) {
				t.Fatal(err)
			}
			return
		}
		if out := d.append(nil); !bytes.Equal(out, src) {
			t.Fatalf("%x became %x", src, out)
		}
	})
}

func FuzzAssignment(f *testing.F) {
	f.Add(assignmentData{Plan: "f", Refused: true, Yields: true}.append(nil))
	f.Add(assignmentData{Plan: "f", Members: 3, Tasks: []Task{{"a", 7}}, Live: []string{"x"}, Gone: []gone{{"y", 2}}}.append(nil))
	f.Fuzz(func(t *testing.T, src []byte) {
		d, err := parseAssignment(src)
		if err != nil {
			if !errors.Is(err, errUserData) {
				t.Fatal(err)
			}
			return
		}
		if out := d.append(nil); len(src) > 0 && !bytes.Equal(out, src) {
			t.Fatalf("%x became %x", src, out)
		}
	})
}
