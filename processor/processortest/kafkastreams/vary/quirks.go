package main

import "encoding/json"

// The defects of Kafka Streams that cases are tagged with as quirks, but for one that the recorder
// sees, are kept out of variations: nobody has recorded what the answers would be without them.

// showsDefect reports whether values before are wrong in Kafka Streams: those of a table made of a
// stream by an aggregation, and those that come out of suppress, where a groupBy or a filter reads
// them.
func showsDefect(nodes []kase) bool {
	wrong := make(map[string]bool)   // id: of a table with such values
	grouped := make(map[string]bool) // id: of what is grouped out of streams
	for _, n := range nodes {
		var behind, ofGroup bool
		for _, in := range texts(n["in"]) {
			behind = behind || wrong[in]
			ofGroup = ofGroup || grouped[in]
		}
		id := n.text("id")
		switch n.text("op") {
		case "groupBy":
			if n["valueFn"] == nil {
				grouped[id] = true
			} else if behind {
				return true
			}
		case "groupByKey", "cogroup":
			grouped[id] = true
		case "windowedBy":
			grouped[id] = ofGroup
		case "count", "aggregate":
			wrong[id] = ofGroup
		case "filter", "filterNot":
			if behind {
				return true
			}
		case "suppress":
			wrong[id] = true
		case "mapValues", "tableJoin", "fkJoin":
			wrong[id] = behind
		}
	}
	return false
}

// kept gives every aggregation that emits on close a retention that nothing outlives: with the
// default windows are lost.
func kept(nodes []kase) {
	onClose := make(map[string]bool)
	for _, n := range nodes {
		switch n.text("op") {
		case "windowedBy":
			onClose[n.text("id")] = n.text("emit") != ""
		case "count", "reduce", "aggregate":
			if onClose[n["in"].([]any)[0].(string)] {
				n["retentionMs"] = json.Number("1000000000000000")
			}
		}
	}
}

// failsWithoutKeys reports whether a record without a key makes the topology fail: a left join with
// grace.
func failsWithoutKeys(nodes []kase) bool {
	for _, n := range nodes {
		if n.text("op") == "streamTableJoin" && n["graceMs"] != nil {
			return true
		}
	}
	return false
}

// needsValues reports whether an empty value counts as missing: in foreign-key joins.
func needsValues(nodes []kase) bool {
	for _, n := range nodes {
		if n.text("op") == "fkJoin" {
			return true
		}
	}
	return false
}
