package topoyaml

import (
	"fmt"
)

// Error is one mistake in a file. [Load] returns all of them, joined; errors.As finds the first.
type Error struct {
	File         string
	Line, Column int // from 1
	Message      string
	// Missing is the name of the Go function that a step names and [Options] does not have, if that
	// is the mistake.
	Missing string
}

// Error returns "file:line:column: message".
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}
