package assign

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fakeMember behaves as a client of the cooperative protocol does.
type fakeMember struct {
	*Balancer
	id         string
	cfg        Config
	generation int32
	owned      map[string][]int32
	// unknown topics are those of which the client has no metadata yet.
	unknown map[string]bool
	// next is an assignment that was received: what is lost has still to be given up.
	next map[string][]int32
	last []byte // the last assignment
}

// fakeGroup is a group and its coordinator.
type fakeGroup struct {
	t          *testing.T
	subs       []Sub
	topics     map[string]int32
	members    []*fakeMember
	generation int32
	ids        int
	leader     *fakeMember
	torn       bool // members know different topics, and have parts of tasks
}

func (g *fakeGroup) add(process string, worker int32, plan string) *fakeMember {
	g.ids++
	cfg := Config{Subs: g.subs, Process: process, Worker: worker, Plan: plan, Details: "about " + plan, TransactionalID: fmt.Sprintf("app-%s-%d", process, worker)}
	m := &fakeMember{Balancer: New(cfg), cfg: cfg, id: fmt.Sprintf("m%03d", g.ids), generation: -1, owned: map[string][]int32{}}
	g.members = append(g.members, m)
	return m
}

func (g *fakeGroup) remove(m *fakeMember) {
	g.members = slices.DeleteFunc(g.members, func(o *fakeMember) bool { return o == m })
}

// rebalance lets all members meet once. Members for which misses is true have joined but do not get
// the assignment: the group meets again before. It tells if it has to meet again because somebody
// lost partitions.
func (g *fakeGroup) rebalance(misses func(*fakeMember) bool) (again bool) {
	g.t.Helper()
	if len(g.members) == 0 {
		return false
	}
	if !slices.Contains(g.members, g.leader) {
		g.leader = g.members[len(g.members)/2]
	}
	g.generation++
	var joined []kmsg.JoinGroupResponseMember
	for _, m := range g.members {
		current := map[string][]int32{}
		for topic, ps := range m.owned {
			current[topic] = slices.Clone(ps)
		}
		jm := kmsg.NewJoinGroupResponseMember()
		jm.MemberID = m.id
		topics := slices.DeleteFunc(slices.Collect(maps.Keys(g.topics)), func(topic string) bool { return m.unknown[topic] })
		jm.ProtocolMetadata = m.JoinGroupMetadata(topics, current, m.generation)
		if again := m.JoinGroupMetadata(topics, current, m.generation); string(again) != string(jm.ProtocolMetadata) {
			g.t.Fatal("metadata is not deterministic")
		}
		joined = append(joined, jm)
		// kgo stores it when it has joined, before it has the assignment
		m.generation = g.generation
	}
	mb, topics, err := g.leader.MemberBalancer(joined)
	if err != nil {
		g.t.Fatal(err)
	}
	counts := map[string]int32{}
	for topic := range topics {
		counts[topic] = g.topics[topic]
	}
	into, err := mb.(*group).BalanceOrError(counts)
	if err != nil {
		g.t.Fatal(err)
	}
	plan := map[string][]byte{}
	for _, a := range into.IntoSyncAssignment() {
		plan[a.MemberID] = a.MemberAssignment
	}
	// What is added is taken at once, in any order of members; what is lost is given up only
	// afterwards.
	for _, m := range g.members {
		if misses != nil && misses(m) {
			again = true
			continue
		}
		next, err := m.ParseSyncAssignment(plan[m.id])
		if err != nil {
			g.t.Fatal(err)
		}
		m.next, m.last = next, plan[m.id]
		for topic, ps := range next {
			for _, p := range ps {
				if !slices.Contains(m.owned[topic], p) {
					m.owned[topic] = append(m.owned[topic], p)
				}
			}
		}
		g.checkOwners()
		g.checkWhole(m)
		for topic, ps := range next {
			if m.unknown[topic] || len(ps) == 0 {
				g.t.Fatalf("generation %d: %s got partitions of %s, to which it does not subscribe", g.generation, m.id, topic)
			}
		}
	}
	for _, m := range g.members {
		if m.next == nil {
			continue
		}
		for topic, ps := range m.owned {
			kept := slices.DeleteFunc(slices.Clone(ps), func(p int32) bool { return !slices.Contains(m.next[topic], p) })
			again = again || len(kept) < len(ps)
			m.owned[topic] = kept
			if len(kept) == 0 {
				delete(m.owned, topic)
			}
		}
		m.next = nil
	}
	return again
}

// checkOwners: nothing ever has two owners.
func (g *fakeGroup) checkOwners() {
	g.t.Helper()
	owners := map[topicPartition]string{}
	for _, m := range g.members {
		for topic, ps := range m.owned {
			for _, p := range ps {
				tp := topicPartition{topic, p}
				if other, ok := owners[tp]; ok {
					g.t.Fatalf("generation %d: %v belongs to %s and %s", g.generation, tp, other, m.id)
				}
				owners[tp] = m.id
			}
		}
	}
}

// checkWhole: the partitions of an assignment are exactly those of its tasks.
func (g *fakeGroup) checkWhole(m *fakeMember) {
	g.t.Helper()
	if g.torn {
		return
	}
	var want, got []string
	for _, task := range m.Assigned() {
		for _, sub := range g.subs {
			if sub.Name != task.Sub {
				continue
			}
			for _, topic := range sub.Topics {
				if task.Partition < g.topics[topic] {
					want = append(want, fmt.Sprint(topic, task.Partition))
				}
			}
		}
	}
	for topic, ps := range m.next {
		for _, p := range ps {
			got = append(got, fmt.Sprint(topic, p))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		g.t.Fatalf("generation %d: %s has partitions %v for tasks %v", g.generation, m.id, got, m.Assigned())
	}
}

// settle meets until nobody loses anything, which is soon, and returns who has what.
func (g *fakeGroup) settle() map[Task]string {
	g.t.Helper()
	rounds := 1
	for g.rebalance(nil) {
		if rounds++; rounds > 4 {
			g.t.Fatalf("not settled after %d rounds", rounds)
		}
	}
	return g.owners()
}

func (g *fakeGroup) owners() map[Task]string {
	owners := map[Task]string{}
	for _, m := range g.members {
		for _, task := range m.Assigned() {
			owners[task] = m.id
		}
	}
	return owners
}

func (g *fakeGroup) tasks() (n int) {
	for _, sub := range g.subs {
		largest := int32(0)
		for _, topic := range sub.Topics {
			largest = max(largest, g.topics[topic])
		}
		n += int(largest)
	}
	return n
}

// checkEven: all tasks are assigned, evenly over all and of each sub-topology.
func (g *fakeGroup) checkEven(owners map[Task]string) {
	g.t.Helper()
	if len(g.members) == 0 {
		return
	}
	if len(owners) != g.tasks() {
		g.t.Fatalf("%d tasks of %d are assigned", len(owners), g.tasks())
	}
	all, bySub := map[string]int{}, map[string]map[string]int{}
	for _, m := range g.members {
		all[m.id] = 0
	}
	for _, sub := range g.subs {
		bySub[sub.Name] = maps.Clone(all)
	}
	for task, id := range owners {
		all[id]++
		bySub[task.Sub][id]++
	}
	bySub["all"] = all
	for name, counts := range bySub {
		if !even(slices.Collect(maps.Values(counts))) {
			g.t.Fatalf("%s is not even: %v", name, counts)
		}
	}
}

func moved(before, after map[Task]string) (tasks []Task) {
	for task, id := range before {
		if after[task] != id {
			tasks = append(tasks, task)
		}
	}
	return tasks
}

func randomGroup(t *testing.T, rnd *rand.Rand) *fakeGroup {
	g := &fakeGroup{t: t, topics: map[string]int32{}}
	for s := range 1 + rnd.IntN(4) {
		sub := Sub{Name: "sub" + strconv.Itoa(s)}
		for i := range 1 + rnd.IntN(3) {
			topic := fmt.Sprintf("t%d.%d", s, i)
			g.topics[topic] = 1 + rnd.Int32N(12)
			sub.Topics = append(sub.Topics, topic)
		}
		g.subs = append(g.subs, sub)
	}
	return g
}
