package nexmark

import "strconv"

// SideInputs is how many rows the side input of query 13 has.
const SideInputs = 10_000

// AppendSideInput appends the key and the value of row n of the side input to two slices, and
// returns them. Rows have the numbers from 0 up to [SideInputs]; the key is the number as text, and
// so is the value, as in the original.
func AppendSideInput(key, value []byte, n int64) (k, v []byte) {
	return strconv.AppendInt(key, n, 10), strconv.AppendInt(value, n, 10)
}
