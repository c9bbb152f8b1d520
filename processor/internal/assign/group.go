package assign

import (
	"cmp"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// goneFor is for how many generations a transactional id stays in the assignment after its
	// member has gone: who missed one still learns it, and an instance that is back long since is
	// not fenced.
	goneFor = 3
	// liveLimit is up to how many members all are told the transactional ids of the generation;
	// beyond, only liveSome are, for the brokers bound the size of all assignments together.
	liveLimit, liveSome = 32, 8
)

// member is one member as the leader sees it.
type member struct {
	id string
	memberData
	generation int32
	topics     []string           // that it subscribes to, sorted
	claims     map[string][]int32 // topic -> partitions that it owns
}

// ready tells if the member subscribes to all topics of subs. A client subscribes to a topic when
// it has its metadata; what it is given of others it takes for a topic that came back, and gets
// twice.
func (m *member) ready(subs []Sub) bool {
	for _, sub := range subs {
		for _, topic := range sub.Topics {
			if _, ok := slices.BinarySearch(m.topics, topic); !ok {
				return false
			}
		}
	}
	return true
}

// yields tells if the member has partitions that are not in its share.
func (m *member) yields(s *share) bool {
	for topic, partitions := range m.claims {
		for _, p := range partitions {
			if !slices.Contains(s.partitions[topic], p) {
				return true
			}
		}
	}
	return false
}

// group is the group at one rebalance, as its leader sees it.
type group struct {
	subs         []Sub
	partitions   func(topic string) int32 // see Config; may be nil
	behind       func()                   // see Config.OnBehind; may be nil
	plan         string                   // the leader's
	leader       string                   // the leader's process and worker
	leaderWorker int32
	siblings     *Siblings // of the leader
	members      []*member // sorted by process, worker, member id
	live         []string  // transactional ids of the generation before
	gone         []gone
}

// Balance is not called: there is BalanceOrError.
func (g *group) Balance(topics map[string]int32) kgo.IntoSyncAssignment {
	into, _ := g.BalanceOrError(topics)
	return into
}

// BalanceOrError deals the tasks out. topics has the number of partitions of each topic.
func (g *group) BalanceOrError(topics map[string]int32) (kgo.IntoSyncAssignment, error) {
	siblings := 0
	for _, m := range g.members {
		if m.Process == g.leader {
			siblings++
		}
	}
	g.siblings.await(siblings)
	plan, runs := g.groupPlan()
	var accepted []*member
	for _, m := range g.members {
		if m.Plan == plan {
			accepted = append(accepted, m)
		}
	}
	result := make(map[string]*share, len(g.members))
	for _, m := range g.members {
		result[m.id] = &share{partitions: map[string][]int32{}}
	}
	known := plan == g.plan && !g.outdone(accepted)
	if known {
		topics = g.read(topics)
		deal(g.subs, topics, g.members, accepted, result)
	} else {
		// The leader does not know this plan's tasks. Everybody keeps what he has; the leader,
		// refused, will leave, and the next one can do better. One that lacks topics will look for
		// them.
		for _, m := range accepted {
			result[m.id] = &share{tasks: m.Owned, partitions: m.claims}
		}
	}
	if plan == g.plan && !known && g.behind != nil {
		g.behind()
	}
	return g.assignments(plan, runs, result), nil
}

// outdone reports whether a member reads a topic that the leader does not know: a pattern has found
// it there already, or it is gone and the member does not know that yet.
func (g *group) outdone(accepted []*member) bool {
	read := topicsOf(g.subs)
	return slices.ContainsFunc(accepted, func(m *member) bool {
		return slices.ContainsFunc(m.topics, func(topic string) bool { return !read[topic] })
	})
}

// read returns how many partitions of each topic are dealt out.
func (g *group) read(topics map[string]int32) map[string]int32 {
	if g.partitions == nil {
		return topics
	}
	counts := make(map[string]int32, len(topics))
	for topic, n := range topics {
		counts[topic] = min(n, g.partitions(topic))
	}
	return counts
}

// groupPlan chooses the plan that the group runs: the one whose members own the most tasks, so that
// a newcomer never drives out a running application; else the most frequent; else the smallest, so
// that all leaders choose the same.
func (g *group) groupPlan() (plan string, members int) {
	owned, count := map[string]int{}, map[string]int{}
	for _, m := range g.members {
		count[m.Plan]++
		owned[m.Plan] += len(m.Owned)
	}
	plans := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(owned[b], owned[a]), cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
	})
	if len(plans) == 0 {
		return g.plan, 0
	}
	return plans[0], count[plans[0]]
}

// details returns what a member with that plan has said of it.
func (g *group) details(plan string) string {
	for _, m := range g.members {
		if m.Plan == plan && m.Details != "" {
			return m.Details
		}
	}
	return ""
}

// share is what one member gets.
type share struct {
	tasks      []Task
	partitions map[string][]int32
}

// syncPlan is a finished assignment.
type syncPlan []kmsg.SyncGroupRequestGroupAssignment

// IntoSyncAssignment returns the assignments, sorted by member.
func (p syncPlan) IntoSyncAssignment() []kmsg.SyncGroupRequestGroupAssignment { return p }

func (g *group) assignments(plan string, runs int, result map[string]*share) kgo.IntoSyncAssignment {
	live, goners := g.transactionalIDs()
	var out syncPlan
	for i, m := range g.members {
		s := result[m.id]
		data := assignmentData{Plan: plan, Refused: m.Plan != plan, Yields: m.yields(s), Members: runs, Tasks: s.tasks, Gone: goners}
		if data.Refused {
			data.Details = g.details(plan)
		}
		if len(g.members) <= liveLimit || i < liveSome || m.Process == g.leader && m.Worker == g.leaderWorker {
			data.Live = live
		}
		slices.SortFunc(data.Tasks, compareTasks)
		meta := kmsg.NewConsumerMemberAssignment()
		for _, topic := range slices.Sorted(maps.Keys(s.partitions)) {
			t := kmsg.NewConsumerMemberAssignmentTopic()
			t.Topic, t.Partitions = topic, slices.Sorted(slices.Values(s.partitions[topic]))
			// a client takes a topic of no partitions for one that it has
			if len(t.Partitions) > 0 {
				meta.Topics = append(meta.Topics, t)
			}
		}
		meta.UserData = data.append(nil)
		a := kmsg.NewSyncGroupRequestGroupAssignment()
		a.MemberID, a.MemberAssignment = m.id, meta.AppendTo(nil)
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b kmsg.SyncGroupRequestGroupAssignment) int { return cmp.Compare(a.MemberID, b.MemberID) })
	return out
}

// transactionalIDs returns those of the members, and those that were there in the last generations
// and are not now.
func (g *group) transactionalIDs() (live []string, goners []gone) {
	for _, m := range g.members {
		if m.TransactionalID != "" {
			live = append(live, m.TransactionalID)
		}
	}
	slices.Sort(live)
	live = slices.Compact(live)
	ages := map[string]int{}
	for _, old := range g.gone {
		if old.Age+1 < goneFor {
			ages[old.ID] = old.Age + 1
		}
	}
	for _, id := range g.live {
		ages[id] = 0
	}
	for _, id := range live {
		delete(ages, id)
	}
	for _, id := range slices.Sorted(maps.Keys(ages)) {
		goners = append(goners, gone{ID: id, Age: ages[id]})
	}
	return live, goners
}
