package pebblestate

import (
	"github.com/cockroachdb/pebble/v2"

	"github.com/kolkstream/kolk/state"
)

// Bare returns the Pebble database below db.
func Bare(d state.DB) *pebble.DB { return d.(*db).p }
