package worker

import (
	"github.com/kolkstream/kolk/processor/internal/assign"
	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/topology"
)

// refusedPlan says why the group has refused this member.
func refusedPlan(app string, contract topology.Contract, r assign.Refusal) *report.PlanRefusedError {
	e := &report.PlanRefusedError{App: app, Plan: r.Plan, GroupPlan: r.GroupPlan, Members: r.Members}
	if group, err := topology.UnpackContract([]byte(r.GroupDetails)); err == nil && r.GroupDetails != "" {
		e.Differences = contract.Differences(group)
	}
	return e
}
