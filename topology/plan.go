package topology

import "github.com/kolkstream/kolk/internal/flow"

// Plan is a checked topology: nodes, stores, internal topics and sub-topologies. It is immutable,
// and safe for concurrent use. [Topology.Build] makes it; package processor runs it, and package
// processortest runs it in a test.
//
// It is cut into sub-topologies at repartition topics. A task runs one sub-topology for one
// partition.
type Plan struct {
	nodes  []*planNode
	config config
	made   *flow.Plan
}

// Name returns the topology's name.
func (p *Plan) Name() string { return p.made.Name }

// ForRuntime returns the plan as package processor knows it. It must not be changed.
func (p *Plan) ForRuntime(flow.Key) *flow.Plan { return p.made }
