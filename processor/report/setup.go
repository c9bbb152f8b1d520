package report

import (
	"fmt"
	"strings"
)

// ConfigError is one thing that is wrong with a configuration.
type ConfigError struct {
	// Field is the name of a field of processor.Config.
	Field string
	// Reason says what is wrong; other fields stand in it by their names.
	Reason string
}

func (e *ConfigError) Error() string { return "config: " + e.Field + ": " + e.Reason }

// MissingTopicsError names input and output topics that do not exist. kolk creates internal topics
// only.
type MissingTopicsError struct{ Topics []string }

func (e *MissingTopicsError) Error() string {
	return fmt.Sprintf("the topology reads or writes topics that do not exist: %s. Create them (kolk creates its internal topics only), or correct the names", strings.Join(e.Topics, ", "))
}

// NoTopicsError lists patterns of the plan that match no topic.
type NoTopicsError struct{ Patterns []string }

func (e *NoTopicsError) Error() string {
	return fmt.Sprintf("no topic matches %s: a bounded run reads the topics that are there when it begins. Create one, or correct the pattern", strings.Join(e.Patterns, ", "))
}

// PlanRefusedError is returned by an instance whose plan does not fit the one that its group runs.
type PlanRefusedError struct {
	App string
	// Plan and GroupPlan are the fingerprints of the two contracts, Members is how many members run
	// the group's.
	Plan, GroupPlan string
	Members         int
	// Differences names what does not fit, as flow.Contract.Differences does; nothing if the
	// group has not said what its plan is.
	Differences []string
}

// Error says what does not fit, and the way out.
func (e *PlanRefusedError) Error() string {
	what := strings.Join(e.Differences, "; ")
	if what == "" {
		what = "what differs is not known"
	}
	return fmt.Sprintf("this instance's topology (%s) does not fit the one that group %q runs (%s, %d members): %s. Instances of a group may differ in nodes without state and outputs only: "+
		"stop those that run first, or give this one another application id", e.Plan, e.App, e.GroupPlan, e.Members, what)
}
