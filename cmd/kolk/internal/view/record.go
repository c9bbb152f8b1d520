// Package view prints the records of output topics: one JSON object a line for programs, a table in
// place for people.
package view

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json/jsontext"
	"math"
	"strconv"
	"unicode/utf8"
)

// Record is an output record as it is shown. Key and Value are JSON; null for none.
type Record struct {
	Topic     string         `json:"topic"`
	Partition int32          `json:"partition"`
	Offset    int64          `json:"offset"`
	Key       jsontext.Value `json:"key"`
	Value     jsontext.Value `json:"value"`
	Timestamp int64          `json:"timestamp"` // milliseconds since 1970
}

// JSON turns the bytes of a key or value into JSON by the name of their serde. Bytes that do not
// fit the serde, and those of a serde that is not known here, become a string if they are UTF-8,
// else {"base64": ...}: a reader never fails on data.
func JSON(serde string, data []byte) jsontext.Value {
	if data == nil {
		return jsontext.Value("null")
	}
	switch serde {
	case "json":
		if v := jsontext.Value(append([]byte{}, data...)); v.Compact() == nil {
			return v
		}
	case "int64":
		if len(data) == 8 {
			return strconv.AppendInt(nil, int64(binary.BigEndian.Uint64(data)), 10)
		}
	case "int32":
		if len(data) == 4 {
			return strconv.AppendInt(nil, int64(int32(binary.BigEndian.Uint32(data))), 10)
		}
	case "float64":
		if f := float64At(data); len(data) == 8 && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return strconv.AppendFloat(nil, f, 'g', -1, 64)
		}
	case "bool":
		if len(data) == 1 && data[0] <= 1 {
			return strconv.AppendBool(nil, data[0] == 1)
		}
	}
	if serde != "bytes" && utf8.Valid(data) {
		v, _ := jsontext.AppendQuote(nil, data) // fails on what is not UTF-8 alone
		return v
	}
	return append(base64.StdEncoding.AppendEncode([]byte(`{"base64":"`), data), `"}`...)
}

func float64At(data []byte) float64 {
	if len(data) != 8 {
		return math.NaN()
	}
	return math.Float64frombits(binary.BigEndian.Uint64(data))
}
