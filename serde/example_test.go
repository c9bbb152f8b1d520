package serde_test

import (
	"fmt"
	"strings"

	"github.com/kolkstream/kolk/serde"
)

// JSON writes what encoding/json/v2 writes: names by tags, map keys sorted, no white space.
func ExampleJSON() {
	type order struct {
		User   string         `json:"user"`
		Amount int            `json:"amount"`
		Tags   map[string]int `json:"tags,omitempty"`
	}
	s := serde.JSON[order]()
	data, err := s.Append(nil, order{User: "ann", Amount: 3, Tags: map[string]int{"b": 2, "a": 1}})
	fmt.Println(string(data), err)
	v, err := s.Decode([]byte(`{"user": "bob", "unknown": true}`))
	fmt.Println(v.User, v.Amount, err)
	_, err = s.Decode([]byte(`{"user": 7}`))
	fmt.Println(strings.HasPrefix(err.Error(), "serde: malformed: json:"))
	// Output:
	// {"user":"ann","amount":3,"tags":{"a":1,"b":2}} <nil>
	// bob 0 <nil>
	// true
}

// country is a serde of one's own: the two letters of a country, as they are.
type country struct{}

func (country) Name() string { return "country" }

func (country) Append(dst []byte, v string) ([]byte, error) {
	if len(v) != 2 {
		return nil, fmt.Errorf("%q is no country", v)
	}
	return append(dst, v...), nil
}

func (country) Decode(src []byte) (string, error) {
	if len(src) != 2 {
		return "", fmt.Errorf("%w: country: %d bytes instead of 2", serde.ErrMalformed, len(src))
	}
	return string(src), nil // a copy: src is used again
}

// A serde of one's own is three methods.
func ExampleSerde() {
	var s serde.Serde[string] = country{}
	data, err := s.Append([]byte("key: "), "no")
	fmt.Printf("%s %v\n", data, err)
	_, err = s.Decode([]byte("norway"))
	fmt.Println(err)
	// Output:
	// key: no <nil>
	// serde: malformed: country: 6 bytes instead of 2
}

// A type that is based on string keeps its name as key and value.
func ExampleStringOf() {
	type userID string
	s := serde.StringOf[userID]()
	id, err := s.Decode([]byte("ann"))
	fmt.Printf("%T %v %v\n", id, id, err)
	// Output: serde_test.userID ann <nil>
}
