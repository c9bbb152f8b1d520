package flow

import (
	"errors"
	"fmt"
)

// CheckName returns what is wrong with a name of an application, a store or a repartition topic: it
// becomes part of a topic's name and has Kafka's alphabet.
func CheckName(name string) error {
	switch {
	case name == "":
		return errors.New("is empty")
	case name == "." || name == "..":
		return errors.New("is not possible as the name of a topic")
	case len(name) > MaxName:
		return fmt.Errorf("has %d characters: Kafka's topics have at most %d", len(name), MaxName)
	}
	for _, c := range name {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return fmt.Errorf("has %q in it: names consist of letters, digits, '.', '_' and '-'", c)
		}
	}
	return nil
}

// MaxName is Kafka's limit for the length of a topic's name.
const MaxName = 249
