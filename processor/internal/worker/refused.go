package worker

import (
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/internal/assign"
	"github.com/kolkstream/kolk/processor/report"
)

// refusedPlan says why the group has refused this member.
func refusedPlan(app string, contract flow.Contract, r assign.Refusal) *report.PlanRefusedError {
	e := &report.PlanRefusedError{App: app, Plan: r.Plan, GroupPlan: r.GroupPlan, Members: r.Members}
	if group, err := flow.UnpackContract([]byte(r.GroupDetails)); err == nil && r.GroupDetails != "" {
		e.Differences = contract.Differences(group)
	}
	return e
}
