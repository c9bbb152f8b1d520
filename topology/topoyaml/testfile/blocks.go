package testfile

import "github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"

// The words of fields that have some.
const (
	eachRecord, eachStep, byHand = "each-record", "each-step", "by-hand"
	failPolicy, skipPolicy       = "fail", "skip"
	keepingState, losingState    = "keeping-state", "losing-state"
	exactly, byKey, anyOrder     = "exact", "by-key", "any"
)

// verbs are the fields that say what a step does.
func verbs() []string {
	return []string{"input", "output", "store", "dropped", "advance", "commit", "crash", "restart", "end-of-input"}
}

// grammar is what a file may say.
func grammar() *yamlfile.Block {
	record := &yamlfile.Block{
		Name: "record",
		Doc:  "A record of a topic: one that is sent, or one that is expected, of which only what stands here is compared.",
		Fields: []yamlfile.Field{
			{Name: "key", Shape: yamlfile.Data(), Doc: "the key; null: the record has none. Of one that is sent, default: what the source's `key-from` says, or none"},
			{Name: "value", Shape: yamlfile.Data(), Doc: "the value; null: the record has none, which deletes its key from tables"},
			{Name: "contains", Shape: yamlfile.Data(), Doc: "of one that is expected, instead of `value`: fields of the value; it may have others"},
			{Name: "bytes", Shape: yamlfile.Text(), Doc: "of one that is sent, instead of `value`: the bytes of the value as a text, whatever the serde"},
			{Name: "time", Shape: yamlfile.Time(), Doc: "the timestamp: what has passed since 1970, as `90s`, a number of milliseconds, or a date, as `2020-01-31T09:30:00Z`. Of one that is sent, default: that of the record before it, at first 0"},
			{Name: "headers", Shape: yamlfile.TextsByName(), Doc: "the headers, all of them; null is a header without a value"},
			{Name: "partition", Shape: yamlfile.Index(), Doc: "the partition, from 0. Of one that is sent, default: what the key says"},
		},
	}
	entry := &yamlfile.Block{
		Name: "entry",
		Doc:  "An entry of a store, of which only what stands here is compared.",
		Fields: []yamlfile.Field{
			{Name: "key", Shape: yamlfile.Data(), Required: true, Doc: "the key"},
			{Name: "window", Shape: yamlfile.Time(), Doc: "where the window begins, in stores that have windows"},
			{Name: "window-end", Shape: yamlfile.Time(), Doc: "where the window ends: of a session, the time of its last record"},
			{Name: "value", Shape: yamlfile.Data(), Doc: "the value"},
			{Name: "contains", Shape: yamlfile.Data(), Doc: "instead of `value`: fields of the value; it may have others"},
			{Name: "time", Shape: yamlfile.Time(), Doc: "the timestamp, in stores that keep one"},
			{Name: "partition", Shape: yamlfile.Index(), Doc: "the partition, from 0"},
		},
	}
	advance := &yamlfile.Block{
		Name: "move",
		Doc:  "Moves one of the two clocks.",
		One:  []string{"time", "clock"},
		Fields: []yamlfile.Field{
			{Name: "time", Shape: yamlfile.Time(), Doc: "event time moves on to this, as by a record that nothing is made of: windows close"},
			{Name: "clock", Shape: yamlfile.Duration(), Doc: "the wall clock moves on by this: inputs become idle, wall-clock schedules are due"},
		},
	}
	step := &yamlfile.Block{
		Name: "step",
		Doc:  "One thing that happens, or that is compared: exactly one of the first nine fields, which say what; the others say more of it.",
		One:  verbs(),
		Fields: []yamlfile.Field{
			{Name: "input", Shape: yamlfile.Text(), Doc: "sends `records` to this topic, one after the other, and processes what comes of each"},
			{Name: "output", Shape: yamlfile.Text(), Doc: "compares what was committed to this topic, since a step compared it last, with `records`: no record may be missing, and none be there that is not expected"},
			{Name: "store", Shape: yamlfile.Text(), Doc: "compares what this store, or global table, holds with `entries`, in any order"},
			{Name: "dropped", Shape: yamlfile.Text(), Doc: "compares how many records this node has dropped, since the beginning, with `reasons`"},
			{Name: "advance", Shape: yamlfile.One(advance), Doc: "moves event time, or the wall clock"},
			{Name: "commit", Shape: yamlfile.Flag(), Doc: "true: commits"},
			{Name: "crash", Shape: yamlfile.Enum(keepingState, losingState), Doc: "loses what was not committed; or the local state, too, which is restored from the changelogs"},
			{Name: "restart", Shape: yamlfile.Flag(), Doc: "true: stops with a commit, and starts again"},
			{Name: "end-of-input", Shape: yamlfile.Flag(), Doc: "true: runs to the end of the input, as `--until-end` does: all windows close"},
			{Name: "records", Shape: yamlfile.Several(record), Doc: "of `input` and `output`"},
			{Name: "entries", Shape: yamlfile.Several(entry), Doc: "of `store`"},
			{Name: "reasons", Shape: yamlfile.CountsByName(), Doc: "of `dropped`: how many for which reason, such as `late` or `no-match`; those that do not stand here are 0"},
			{Name: "order", Shape: yamlfile.Enum(exactly, byKey, anyOrder), Doc: "of `output`: `exact` (default): as the topic has them, partition by partition; `by-key`: the records of each key in their order; `any`: in any order"},
			{Name: "fails", Shape: yamlfile.Text(), Doc: "of what is no comparison: it fails, with an error that contains this. The tasks are back at their last commit then, and the record that failed comes again with what follows"},
		},
	}
	test := &yamlfile.Block{
		Name: "test",
		Doc:  "A test: it begins with empty topics and stores.",
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.Text(), Required: true, Doc: "what is true of the topology if the test passes"},
			{Name: "partitions", Shape: yamlfile.Number(), Doc: "how many partitions topics have; default 1"},
			{Name: "commit", Shape: yamlfile.Enum(eachRecord, eachStep, byHand), Doc: "when results are committed, and so can be seen: `each-record` (default), `each-step`, or `by-hand`, with the steps `commit`, `restart` and `end-of-input` alone"},
			{Name: "on-error", Shape: yamlfile.Enum(failPolicy, skipPolicy), Doc: "what becomes of a record that cannot be processed; default `fail`"},
			{Name: "clock", Shape: yamlfile.Time(), Doc: "what the wall clock shows at first; default 2020-01-01T00:00:00Z"},
			{Name: "steps", Shape: yamlfile.Several(step), Required: true, Doc: "what happens and is compared, in order"},
		},
	}
	return &yamlfile.Block{
		Name: "test file",
		Doc:  "The whole file.",
		Fields: []yamlfile.Field{
			{Name: "topology", Shape: yamlfile.Text(), Doc: "the topology's file, from the directory of this one; default: the file that is called like this one without `.test`"},
			{Name: "variables", Shape: yamlfile.TextsByName(), Doc: "values of the topology's variables `${NAME}`; those that do not stand here are environment variables"},
			{Name: "tests", Shape: yamlfile.Several(test), Required: true, Doc: "the tests"},
		},
	}
}

// Schema returns the JSON Schema (draft 2020-12) of the files that [Load] reads, for editors.
func Schema() []byte { return yamlfile.Schema("kolk tests of a topology", grammar()) }

// Reference returns the tables of docs/testing.md: every block with its fields.
func Reference() string { return yamlfile.Tables(grammar()) }
