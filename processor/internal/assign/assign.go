// Package assign decides which worker runs which task: a group balancer for whole tasks.
//
// A task is a partition of a sub-topology: the partitions of that number of all topics that the
// sub-topology reads. The leader of the group deals the tasks out: evenly, over all and for each
// sub-topology, and within that each task stays with its owner, or else goes to a process that has
// its state. A task that moves from one live member to another is given to nobody until its owner
// has given it up; the group then meets again (the cooperative protocol).
//
// Members whose plan is another than the group's are refused by name. With the assignment every
// member learns the transactional ids of members that are gone, so that who takes over their tasks
// may fence them.
//
// docs/format/assignment.md describes what members and leader tell each other, byte by byte.
package assign

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Protocol is the name of the balancer in the group protocol.
const Protocol = "kolk-1"

// Task names a task: a sub-topology by its stable name, and a partition.
type Task struct {
	Sub       string
	Partition int32
}

// String returns "<sub>/<partition>".
func (t Task) String() string { return t.Sub + "/" + strconv.Itoa(int(t.Partition)) }

func compareTasks(a, b Task) int {
	return cmp.Or(cmp.Compare(a.Sub, b.Sub), cmp.Compare(a.Partition, b.Partition))
}

// Sub is a sub-topology and the topics that it reads, by their names on the broker. It has as many
// tasks as the largest of the topics has partitions.
type Sub struct {
	Name   string
	Topics []string
}

// Config describes a member of the group.
type Config struct {
	// Subs are the sub-topologies of the plan. Members with the same Plan have the same.
	Subs []Sub
	// Process identifies the process across restarts, as state does: its instance id. Worker
	// numbers the members of a process.
	Process string
	Worker  int32
	// TransactionalID is what successors fence when this member is gone. It may be empty.
	TransactionalID string
	// Plan is the fingerprint of what the members that share tasks must agree in. Details, which
	// may be empty, says what that is: whoever the group refuses is told the group's.
	Plan    string
	Details string
	// Partitions, if not nil, returns how many partitions of a topic are read, which may be fewer
	// than there are.
	Partitions func(topic string) int32
	// OnRefused, if not nil, is called when the group refuses this member; it then has no tasks. It
	// is called by the client's goroutine, must not block, and must not call the client.
	OnRefused func(Refusal)
	// OnBehind, if not nil, is called when this member, as the leader, could not deal tasks out
	// because another one knows a topic that it does not: see [Balancer.SetSubs]. It is called by
	// the client's goroutine, must not block, and must not call the client.
	OnBehind func()
	// OnOrphans, if not nil, is called when the first assignment is one by which the member was to
	// give something up. It had nothing, so the assignment is of the member before it with the same
	// instance id, which ended in between: the group does not meet when a static member is back,
	// and nobody has what was to be given up until somebody makes it meet. It is called by the
	// client's goroutine, must not block, and must not call the client.
	OnOrphans func()
	// Siblings are the members of the process; nil if they need not meet.
	Siblings *Siblings
}

// Refusal says why a member gets no tasks.
type Refusal struct {
	// Plan is the member's, GroupPlan the one that the group runs.
	Plan, GroupPlan string
	// Members is how many members run the group's plan.
	Members int
	// GroupDetails are the details of the group's plan; "" if none of its members has any.
	GroupDetails string
}

// Error says what does not fit, and the way out.
func (r Refusal) Error() string {
	return fmt.Sprintf("assign: this instance's topology (plan %s) is not the one that the group runs (plan %s, %d members): stop those first, or give this one another application id",
		r.Plan, r.GroupPlan, r.Members)
}

// SetSubs says which topics the sub-topologies read from now on: patterns have found other ones.
func (b *Balancer) SetSubs(subs []Sub) {
	subs = sorted(subs)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cfg.Subs = subs
}

// sorted returns subs in the order of names.
func sorted(subs []Sub) []Sub {
	subs = slices.Clone(subs)
	for i := range subs {
		subs[i].Topics = slices.Sorted(slices.Values(subs[i].Topics))
	}
	slices.SortFunc(subs, func(a, b Sub) int { return cmp.Compare(a.Name, b.Name) })
	return subs
}

// subs returns the sub-topologies as they are now.
func (b *Balancer) subs() []Sub {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cfg.Subs
}

// Balancer is the [kgo.GroupBalancer] of one member. It is safe for concurrent use.
type Balancer struct {
	cfg Config

	mu       sync.Mutex
	held     []Task
	assigned []Task
	fence    []string
	refusal  *Refusal
	live     []string // transactional ids of the last generation
	gone     []gone
	leads    bool
	joined   bool // there was an assignment
}

var (
	_ kgo.GroupBalancer              = (*Balancer)(nil)
	_ kgo.GroupMemberBalancerOrError = (*group)(nil)
)

// New returns a balancer for one client. cfg and what it refers to must not be changed afterwards.
func New(cfg Config) *Balancer {
	cfg.Subs = sorted(cfg.Subs)
	return &Balancer{cfg: cfg}
}

// SetHeld says which tasks' state the process has, run by whom it may. It counts from the next time
// that the member joins.
func (b *Balancer) SetHeld(tasks []Task) {
	tasks = slices.Clone(tasks)
	slices.SortFunc(tasks, compareTasks)
	tasks = slices.Compact(tasks)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = tasks
}

// Assigned returns the tasks of the last assignment, sorted. It is meant for the client's callbacks
// of an assignment and a revocation, in which the partitions given are the difference to the one
// before; at other times it may be ahead of them.
func (b *Balancer) Assigned() []Task {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.assigned)
}

// Fence returns the transactional ids of members that are gone, as the last assignment has them,
// sorted. A worker may fence them if the offsets of a task that it got stay unstable. It is never
// this member's own.
func (b *Balancer) Fence() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.fence)
}

// Leads reports whether this member was the leader of the group when tasks were last dealt out to
// it.
func (b *Balancer) Leads() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.leads
}

// Refused returns why the last assignment was refused, if it was.
func (b *Balancer) Refused() (Refusal, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refusal == nil {
		return Refusal{}, false
	}
	return *b.refusal, true
}

// ProtocolName returns [Protocol].
func (b *Balancer) ProtocolName() string { return Protocol }

// IsCooperative returns true: members keep what they have while the group meets.
func (b *Balancer) IsCooperative() bool { return true }

// JoinGroupMetadata returns what the member tells the leader.
func (b *Balancer) JoinGroupMetadata(topics []string, current map[string][]int32, generation int32) []byte {
	meta := kmsg.NewConsumerMemberMetadata()
	meta.Version = 3
	meta.Topics = slices.Sorted(slices.Values(topics))
	meta.Generation = generation
	for topic, partitions := range current {
		owned := kmsg.NewConsumerMemberMetadataOwnedPartition()
		owned.Topic, owned.Partitions = topic, slices.Sorted(slices.Values(partitions))
		meta.OwnedPartitions = append(meta.OwnedPartitions, owned)
	}
	slices.SortFunc(meta.OwnedPartitions, func(a, b kmsg.ConsumerMemberMetadataOwnedPartition) int {
		return cmp.Compare(a.Topic, b.Topic)
	})
	b.mu.Lock()
	held := b.held
	b.mu.Unlock()
	meta.UserData = memberData{
		Process: b.cfg.Process, Worker: b.cfg.Worker, TransactionalID: b.cfg.TransactionalID, Plan: b.cfg.Plan, Details: b.cfg.Details,
		Owned: b.owned(current), Held: held,
	}.append(nil)
	return meta.AppendTo(nil)
}

// owned returns the tasks of which the member has a partition. It has all of them or none, unless
// the plan or the topics have changed.
func (b *Balancer) owned(current map[string][]int32) (tasks []Task) {
	for _, sub := range b.subs() {
		for _, topic := range sub.Topics {
			for _, p := range current[topic] {
				tasks = append(tasks, Task{sub.Name, p})
			}
		}
	}
	slices.SortFunc(tasks, compareTasks)
	return slices.Compact(tasks)
}

// ParseSyncAssignment takes in the leader's decision.
func (b *Balancer) ParseSyncAssignment(assignment []byte) (map[string][]int32, error) {
	partitions := map[string][]int32{}
	var data assignmentData
	if len(assignment) > 0 {
		var meta kmsg.ConsumerMemberAssignment
		if err := meta.ReadFrom(assignment); err != nil {
			return nil, fmt.Errorf("assign: read the assignment: %w", err)
		}
		read := topicsOf(b.subs())
		for _, t := range meta.Topics {
			if !read[t.Topic] {
				continue // a pattern's that is gone
			}
			partitions[t.Topic] = append(partitions[t.Topic], t.Partitions...)
		}
		var err error
		if data, err = parseAssignment(meta.UserData); err != nil {
			return nil, err
		}
	}
	refusal, orphans := b.take(data)
	if refusal != nil && b.cfg.OnRefused != nil {
		b.cfg.OnRefused(*refusal)
	}
	if orphans && b.cfg.OnOrphans != nil {
		b.cfg.OnOrphans()
	}
	return partitions, nil
}

func (b *Balancer) take(data assignmentData) (_ *Refusal, orphans bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	orphans, b.joined = data.Yields && !b.joined, true
	b.assigned, b.live, b.gone = data.Tasks, data.Live, data.Gone
	b.fence, b.refusal = nil, nil
	for _, g := range data.Gone {
		if g.ID != b.cfg.TransactionalID {
			b.fence = append(b.fence, g.ID)
		}
	}
	if data.Refused {
		b.refusal = &Refusal{Plan: b.cfg.Plan, GroupPlan: data.Plan, Members: data.Members, GroupDetails: data.Details}
	}
	return b.refusal, orphans
}

// MemberBalancer reads what the members told. It is called when this member is the leader.
func (b *Balancer) MemberBalancer(members []kmsg.JoinGroupResponseMember) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	b.mu.Lock()
	b.leads = true
	g := &group{subs: b.cfg.Subs, partitions: b.cfg.Partitions, behind: b.cfg.OnBehind, plan: b.cfg.Plan, leader: b.cfg.Process, leaderWorker: b.cfg.Worker, siblings: b.cfg.Siblings, live: b.live, gone: b.gone}
	b.mu.Unlock()
	seen := map[string]bool{}
	for i := range members {
		if seen[members[i].MemberID] {
			continue
		}
		seen[members[i].MemberID] = true
		m, err := parseMember(&members[i])
		if err != nil {
			return nil, nil, err
		}
		g.members = append(g.members, m)
	}
	slices.SortFunc(g.members, func(a, b *member) int {
		return cmp.Or(cmp.Compare(a.Process, b.Process), cmp.Compare(a.Worker, b.Worker), cmp.Compare(a.id, b.id))
	})
	topics := map[string]struct{}{}
	for topic := range topicsOf(g.subs) {
		topics[topic] = struct{}{}
	}
	return g, topics, nil
}

// topicsOf returns the topics that subs read.
func topicsOf(subs []Sub) map[string]bool {
	topics := map[string]bool{}
	for _, sub := range subs {
		for _, topic := range sub.Topics {
			topics[topic] = true
		}
	}
	return topics
}

// parseMember reads one member's metadata.
func parseMember(in *kmsg.JoinGroupResponseMember) (*member, error) {
	var meta kmsg.ConsumerMemberMetadata
	meta.Default()
	if err := meta.ReadFrom(in.ProtocolMetadata); err != nil {
		return nil, fmt.Errorf("assign: read the metadata of member %s: %w", in.MemberID, err)
	}
	data, err := parseMemberData(meta.UserData)
	if err != nil {
		return nil, fmt.Errorf("assign: member %s: %w", in.MemberID, err)
	}
	m := &member{id: in.MemberID, memberData: data, generation: meta.Generation, topics: slices.Sorted(slices.Values(meta.Topics)), claims: map[string][]int32{}}
	for _, o := range meta.OwnedPartitions {
		m.claims[o.Topic] = append(m.claims[o.Topic], o.Partitions...)
	}
	return m, nil
}
