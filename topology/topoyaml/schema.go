package topoyaml

import (
	"github.com/kolkstream/kolk/topology/topoyaml/internal/steps"
)

// Schema returns the JSON Schema (draft 2020-12) of the files that [Load] reads, for editors.
// Expressions are strings to it.
func Schema() []byte { return steps.Schema() }
