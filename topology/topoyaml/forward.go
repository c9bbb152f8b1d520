package topoyaml

import (
	"time"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

func appendJSON(dst []byte, v Value) ([]byte, error)           { return value.AppendJSON(dst, v) }
func appendField(dst []byte, name string) ([]byte, error)      { return value.AppendName(dst, name) }
func parseJSON(src []byte) (Value, error)                      { return value.ParseJSON(src) }
func kindOf(v Value) string                                    { return value.Kind(v) }
func wholeNumber(f float64) Value                              { return value.Whole(f) }
func (acc *accumulator) AppendJSON(dst []byte) ([]byte, error) { return acc.appendJSON(dst) }

func parseDuration(text string) (time.Duration, error) { return functions.ParseDuration(text) }
