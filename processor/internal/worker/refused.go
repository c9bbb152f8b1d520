package worker

import (
	"fmt"
	"strings"

	"github.com/kolkstream/kolk/processor/internal/assign"
	"github.com/kolkstream/kolk/topology"
)

// PlanRefused is returned by an instance whose plan does not fit the one that its group runs.
type PlanRefused struct {
	App string
	// Plan and GroupPlan are the fingerprints of the two contracts, Members is how many members run the group's.
	Plan, GroupPlan string
	Members         int
	// Differences names what does not fit, as [topology.Contract.Differences] does; nothing if the group has not said what its plan is.
	Differences []string
}

// Error says what does not fit, and the way out.
func (e *PlanRefused) Error() string {
	what := strings.Join(e.Differences, "; ")
	if what == "" {
		what = "what differs is not known"
	}
	return fmt.Sprintf("this instance's topology (%s) does not fit the one that group %q runs (%s, %d members): %s. Instances of a group may differ in nodes without state and outputs only: "+
		"stop those that run first, or give this one another application id", e.Plan, e.App, e.GroupPlan, e.Members, what)
}

// refusedPlan says why the group has refused this member.
func refusedPlan(app string, contract topology.Contract, r assign.Refusal) *PlanRefused {
	e := &PlanRefused{App: app, Plan: r.Plan, GroupPlan: r.GroupPlan, Members: r.Members}
	if group, err := topology.UnpackContract([]byte(r.GroupDetails)); err == nil && r.GroupDetails != "" {
		e.Differences = contract.Differences(group)
	}
	return e
}
