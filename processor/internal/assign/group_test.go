package assign

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/internal/seeds"
)

// members come, go and crash at random; some miss assignments. Nothing ever has two owners, tasks
// are whole, and as soon as it is quiet everything is assigned, evenly.
func TestGroupProperties(t *testing.T) {
	rnd := seeds.Rand(t)
	for range 60 {
		g := randomGroup(t, rnd)
		for range 30 {
			for range rnd.IntN(3) {
				switch {
				case len(g.members) > 0 && rnd.IntN(2) == 0:
					g.remove(g.members[rnd.IntN(len(g.members))])
				case len(g.members) < 9:
					m := g.add("p"+strconv.Itoa(rnd.IntN(4)), int32(g.ids), "plan")
					if rnd.IntN(2) == 0 {
						m.SetHeld([]Task{{g.subs[0].Name, rnd.Int32N(3)}})
					}
				}
			}
			switch rnd.IntN(3) {
			case 0:
				g.rebalance(nil)
			case 1:
				g.rebalance(func(*fakeMember) bool { return rnd.IntN(4) == 0 })
			case 2:
				owners := g.settle()
				g.checkEven(owners)
				if g.rebalance(nil) || len(moved(owners, g.owners())) > 0 {
					t.Fatal("it does not stay as it is")
				}
			}
		}
	}
}

// a member that comes takes from the others what it needs, one that goes leaves them what they
// have. Between those that stay nothing moves, unless several sub-topologies have to be even at
// once: then as many tasks change places as have to, and not one more.
func TestGroupIsSticky(t *testing.T) {
	rnd := seeds.Rand(t)
	for range 400 {
		g := randomGroup(t, rnd)
		for i := range 1 + rnd.IntN(6) {
			g.add("p"+strconv.Itoa(i), 0, "plan")
		}
		before := g.settle()
		added := g.add("new", 0, "plan")
		after := g.settle()
		g.checkMoves(before, after, added.id, "")
		gone := g.members[rnd.IntN(len(g.members))]
		g.remove(gone)
		before = after
		after = g.settle()
		g.checkMoves(before, after, "", gone.id)
	}
	// One that has to move between members that stay is rare.
	g := &fakeGroup{t: t, subs: []Sub{{"a", []string{"a"}}, {"b", []string{"b"}}, {"c", []string{"c"}}}, topics: map[string]int32{"a": 5, "b": 7, "c": 2}}
	for i := range 6 {
		g.add("p"+strconv.Itoa(i), 0, "plan")
	}
	before := g.settle()
	added := g.add("new", 0, "plan")
	if n := g.checkMoves(before, g.settle(), added.id, ""); n != 1 {
		t.Errorf("%d tasks moved between members that stay, want 1", n)
	}
}

// checkMoves: everything is even, and no more has moved between members that stay than had to. It
// returns how many tasks that is. comes and goes are members that are new and gone.
func (g *fakeGroup) checkMoves(before, after map[Task]string, comes, goes string) int {
	g.t.Helper()
	g.checkEven(after)
	between := slices.DeleteFunc(moved(before, after), func(task Task) bool {
		return before[task] == goes || after[task] == comes
	})
	if least := leastMoves(g, before, comes); len(between) != least {
		g.t.Fatalf("%v moved between members that stay, of which %d had to", between, least)
	}
	return len(between)
}

// leastMoves returns how many of the tasks that the group's members had before have to move between
// those that stay, if first as few as possible leave their members, and then as many of them as
// possible go to the one that comes.
func leastMoves(g *fakeGroup, before map[Task]string, comes string) int {
	owned := make([][]int, len(g.members))
	all, newcomer := 0, -1
	for m, member := range g.members {
		owned[m] = make([]int, len(g.subs))
		if member.id == comes {
			newcomer = m
		}
		for s, sub := range g.subs {
			for task, id := range before {
				if id == member.id && task.Sub == sub.Name {
					owned[m][s]++
					all++
				}
			}
		}
	}
	tasks := make([]int, len(g.subs))
	for s, sub := range g.subs {
		n, _ := tasksOf(sub, g.topics)
		tasks[s] = int(n)
	}
	kept, got := mostKept(owned, tasks, newcomer)
	return all - kept - got
}

// mostKept deals out tasks, a number for each sub-topology, evenly over all and of each
// sub-topology, to members that own some of them. It returns how many can stay with their owners at
// most, and how many the newcomer (an index, -1 for none) can get at most if so many stay.
//
// It tries everything: who gets one more than others of which sub-topology, one member after the
// other. What is behind a member depends on nothing but how many of those are left.
func mostKept(owned [][]int, tasks []int, newcomer int) (kept, got int) {
	members, all, whole := len(owned), 0, 0
	odd := make([]int, len(tasks))
	for s, n := range tasks {
		all += n
		whole += n / members
		odd[s] = n % members
	}
	type result struct {
		kept, got int
		ok        bool
	}
	known := map[string]result{}
	var try func(m int, odd []int) result
	try = func(m int, odd []int) (best result) {
		if m == members {
			return result{ok: slices.Max(odd) == 0}
		}
		key := fmt.Sprint(m, odd)
		if r, ok := known[key]; ok {
			return r
		}
		for more := range 1 << len(tasks) {
			left, kept, sum := slices.Clone(odd), 0, whole
			possible := true
			for s, n := range tasks {
				n /= members
				if more>>s&1 == 1 {
					n++
					sum++
					left[s]--
					possible = possible && left[s] >= 0
				}
				kept += min(owned[m][s], n)
			}
			if !possible || sum < all/members || sum > (all+members-1)/members {
				continue
			}
			r := try(m+1, left)
			r.kept += kept
			if m == newcomer {
				r.got += sum
			}
			if r.ok && (!best.ok || r.kept > best.kept || r.kept == best.kept && r.got > best.got) {
				best = r
			}
		}
		known[key] = best
		return best
	}
	best := try(0, odd)
	return best.kept, best.got
}

// a task goes where its state is.
func TestGroupGoesToState(t *testing.T) {
	g := &fakeGroup{t: t, subs: []Sub{{"s", []string{"in"}}}, topics: map[string]int32{"in": 4}}
	a, b := g.add("a", 0, "plan"), g.add("b", 0, "plan")
	a.SetHeld([]Task{{"s", 3}, {"s", 1}, {"s", 1}})
	b.SetHeld([]Task{{"s", 0}, {"s", 2}})
	g.settle()
	if got := a.Assigned(); !slices.Equal(got, []Task{{"s", 1}, {"s", 3}}) {
		t.Errorf("a has %v", got)
	}
	// Another worker of the same process has the state as well; an owner outweighs it.
	a.SetHeld(nil)
	c := g.add("b", 1, "plan")
	c.SetHeld([]Task{{"s", 0}, {"s", 1}, {"s", 2}, {"s", 3}})
	before := map[Task]string{{"s", 0}: b.id, {"s", 1}: a.id, {"s", 2}: b.id, {"s", 3}: a.id}
	if got := moved(before, g.settle()); len(got) != 1 {
		t.Errorf("%v moved", got)
	}
	// The process restarts under another member id, with its state: it gets its tasks back from
	// nobody.
	g.remove(a)
	d := g.add("a", 0, "plan")
	mine := []Task{{"s", 1}, {"s", 3}}
	d.SetHeld(mine)
	g.settle()
	for _, task := range d.Assigned() {
		if !slices.Contains(mine, task) {
			t.Errorf("restarted, a has %v", d.Assigned())
		}
	}
}

// a task on its way is nobody's until its owner has given it up.
func TestGroupWithholds(t *testing.T) {
	g := &fakeGroup{t: t, subs: []Sub{{"s", []string{"x", "y"}}}, topics: map[string]int32{"x": 4, "y": 2}}
	a := g.add("a", 0, "plan")
	g.settle()
	b := g.add("b", 0, "plan")
	if again := g.rebalance(nil); !again || len(a.Assigned()) != 2 || len(b.Assigned()) != 0 {
		t.Errorf("first round: again %v, %v and %v", again, a.Assigned(), b.Assigned())
	}
	if again := g.rebalance(nil); again || len(a.Assigned()) != 2 || len(b.Assigned()) != 2 {
		t.Errorf("second round: again %v, %v and %v", again, a.Assigned(), b.Assigned())
	}
}

// Who gets as its first assignment one by which it was to give something up learns that the group
// has to meet; nobody else does.
func TestGroupOrphans(t *testing.T) {
	orphans := 0
	report := func() { orphans++ }
	reborn := func(assignment []byte) int {
		b := New(Config{OnOrphans: report})
		orphans = 0
		for range 2 {
			if _, err := b.ParseSyncAssignment(assignment); err != nil {
				t.Fatal(err)
			}
		}
		return orphans
	}
	g := &fakeGroup{t: t, subs: []Sub{{"s", []string{"x", "y"}}}, topics: map[string]int32{"x": 4, "y": 2}}
	a := g.add("a", 0, "plan")
	a.Balancer.cfg.OnOrphans = report
	g.settle()
	b := g.add("b", 0, "plan")
	b.Balancer.cfg.OnOrphans = report
	for round, want := range []int{1, 0} { // a gives up two tasks, then b gets them
		if g.rebalance(nil); orphans != 0 {
			t.Errorf("round %d: %d reports of members that live", round, orphans)
		}
		if n := reborn(a.last); n != want {
			t.Errorf("round %d: %d reports of a, back again, want %d", round, n, want)
		}
		if n := reborn(b.last); n != 0 {
			t.Errorf("round %d: %d reports of b, back again", round, n)
		}
		orphans = 0
	}
}

// Of two that say they own a task the one of the later generation does; of the same generation
// neither.
func TestGroupClaims(t *testing.T) {
	g := &fakeGroup{t: t, subs: []Sub{{"s", []string{"in"}}}, topics: map[string]int32{"in": 2}}
	a := g.add("a", 0, "plan")
	g.settle()
	stale := g.add("b", 0, "plan")
	stale.generation = 0
	stale.owned = map[string][]int32{"in": {0}} // it missed that it lost it
	a.owned, a.generation = map[string][]int32{"in": {0}}, 5
	members := []*member{claim(t, a, "in"), claim(t, stale, "in")}
	if c := claimsOf(members)[topicPartition{"in", 0}]; len(c) != 1 || c[0] != members[0] {
		t.Errorf("generations 5 and 0: %v", c)
	}
	stale.generation = 5
	members = []*member{claim(t, a, "in"), claim(t, stale, "in")}
	result := map[string]*share{a.id: {partitions: map[string][]int32{}}, stale.id: {partitions: map[string][]int32{}}}
	deal(g.subs, g.topics, members, members, result)
	for id, s := range result {
		if slices.Contains(s.tasks, Task{"s", 0}) {
			t.Errorf("%s got a task that two say they own", id)
		}
	}
}

func claim(t *testing.T, m *fakeMember, topics ...string) *member {
	t.Helper()
	jm := kmsg.NewJoinGroupResponseMember()
	jm.MemberID, jm.ProtocolMetadata = m.id, m.JoinGroupMetadata(topics, m.owned, m.generation)
	parsed, err := parseMember(&jm)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// members of another plan are refused by name, whoever leads; those who run keep their tasks.
func TestGroupRefusesOtherPlan(t *testing.T) {
	for _, newLeads := range []bool{false, true} {
		g := &fakeGroup{t: t, subs: []Sub{{"s", []string{"in"}}}, topics: map[string]int32{"in": 4}}
		a, b := g.add("a", 0, "old"), g.add("b", 0, "old")
		before := g.settle()
		g.subs = []Sub{{"s", []string{"in"}}, {"more", []string{"in2"}}}
		g.topics["in2"] = 4
		var refusals []Refusal
		for i := range 3 { // they are more, and yet
			m := g.add("c"+strconv.Itoa(i), 0, "new")
			m.Balancer.cfg.OnRefused = func(r Refusal) { refusals = append(refusals, r) }
			if newLeads {
				g.leader = m
			}
		}
		g.settle()
		if got := moved(before, g.owners()); len(got) > 0 || len(g.owners()) != 4 {
			t.Errorf("new leads %v: %v moved; %v", newLeads, got, g.owners())
		}
		for _, m := range []*fakeMember{a, b} {
			if r, refused := m.Refused(); refused {
				t.Errorf("%s: %v", m.id, r)
			}
		}
		want := Refusal{Plan: "new", GroupPlan: "old", Members: 2, GroupDetails: "about old"}
		for _, m := range g.members[2:] {
			r, refused := m.Refused()
			if !refused || r != want || len(m.Assigned()) > 0 || len(m.owned) > 0 {
				t.Errorf("%s: %v %v, has %v", m.id, r, refused, m.owned)
			}
		}
		if len(refusals) < 3 || refusals[0] != want {
			t.Errorf("callbacks: %v", refusals)
		}
		// When the last old one has gone the new ones begin.
		g.remove(a)
		g.remove(b)
		g.checkEven(g.settle())
		if _, refused := g.members[0].Refused(); refused {
			t.Error("still refused")
		}
	}
}

// a topic of which the leader has no metadata tears no task apart.
func TestGroupWithoutMetadata(t *testing.T) {
	g := &fakeGroup{t: t, subs: []Sub{{"s", []string{"x", "y"}}, {"z", []string{"z"}}}, topics: map[string]int32{"x": 4, "y": 4, "z": 4}}
	a := g.add("a", 0, "plan")
	g.settle()
	g.topics["y"] = 0
	deal1 := func() map[string]*share {
		members := []*member{claim(t, a, "x", "y", "z"), claim(t, g.add("b", 0, "plan"), "x", "y", "z")}
		result := map[string]*share{}
		for _, m := range members {
			result[m.id] = &share{partitions: map[string][]int32{}}
		}
		deal(g.subs, g.topics, members, members, result)
		return result
	}
	got := deal1()[a.id]
	slices.SortFunc(got.tasks, compareTasks)
	want := []Task{{"s", 0}, {"s", 1}, {"s", 2}, {"s", 3}, {"z", 0}, {"z", 1}}
	if !slices.Equal(got.tasks[:4], want[:4]) || len(got.tasks) != 6 || len(got.partitions["x"]) != 4 || len(got.partitions["y"]) != 4 {
		t.Errorf("got %v with %v", got.tasks, got.partitions)
	}
}

// a member that does not know all topics yet gets nothing, and does not lose what it has.
func TestGroupWaitsForMetadata(t *testing.T) {
	g := &fakeGroup{t: t, subs: []Sub{{"s", []string{"x", "y"}}, {"z", []string{"z"}}}, topics: map[string]int32{"x": 4, "y": 4, "z": 4}}
	a := g.add("a", 0, "plan")
	a.unknown = map[string]bool{"y": true}
	if g.rebalance(nil) || len(a.Assigned()) > 0 {
		t.Errorf("a has %v", a.Assigned())
	}
	a.unknown = nil
	before := g.settle()
	g.checkEven(before)
	b := g.add("b", 0, "plan")
	b.unknown = map[string]bool{"z": true}
	if got := moved(before, g.settle()); len(got) > 0 {
		t.Errorf("%v moved", got)
	}
	b.unknown = nil
	before = g.settle()
	g.checkEven(before)
	g.topics["new"] = 2 // b knows it first: it is the one that can take tasks, a keeps its own
	g.subs = append(g.subs, Sub{"new", []string{"new"}})
	a.cfg.Subs, b.cfg.Subs = g.subs, g.subs
	a.Balancer.cfg.Subs, b.Balancer.cfg.Subs = g.subs, g.subs
	a.unknown = map[string]bool{"new": true}
	if got := moved(before, g.settle()); len(got) > 0 || len(b.Assigned()) != 6 || len(a.Assigned()) != 4 {
		t.Errorf("%v moved; a has %v, b %v", got, a.Assigned(), b.Assigned())
	}
	a.unknown = nil
	g.checkEven(g.settle())
}

// who takes over learns the transactional ids of who is gone, from any leader, for a while, and
// never of who is there.
func TestGroupFences(t *testing.T) {
	g := &fakeGroup{t: t, subs: []Sub{{"s", []string{"in"}}}, topics: map[string]int32{"in": 4}}
	a, b, c := g.add("a", 0, "plan"), g.add("b", 0, "plan"), g.add("c", 0, "plan")
	g.settle()
	for _, m := range g.members {
		if len(m.Fence()) > 0 {
			t.Errorf("%s is to fence %v", m.id, m.Fence())
		}
	}
	g.leader = b
	g.remove(b) // the leader itself
	g.leader = c
	g.rebalance(nil)
	for _, m := range []*fakeMember{a, c} {
		if !slices.Equal(m.Fence(), []string{"app-b-0"}) {
			t.Errorf("%s is to fence %v", m.id, m.Fence())
		}
	}
	b = g.add("b", 0, "plan") // it is back
	g.rebalance(nil)
	for _, m := range g.members {
		if len(m.Fence()) > 0 {
			t.Errorf("%s is to fence %v, which is there", m.id, m.Fence())
		}
	}
	g.remove(b)
	for i := range goneFor + 1 {
		g.rebalance(nil)
		if got := len(a.Fence()); got != 1 && i < goneFor || got != 0 && i >= goneFor {
			t.Errorf("%d generations later: %v", i, a.Fence())
		}
	}
	// In a large group the leader and some others know.
	for i := range liveLimit {
		g.add(fmt.Sprintf("x%02d", i), 0, "plan")
	}
	g.rebalance(nil)
	g.remove(g.members[len(g.members)-1])
	g.rebalance(nil)
	if got := g.members[20].Fence(); !slices.Equal(got, []string{fmt.Sprintf("app-x%02d-0", liveLimit-1)}) {
		t.Errorf("large group: %v", got)
	}
}

func TestGroupRefusesGarbage(t *testing.T) {
	b := New(Config{Subs: []Sub{{"s", []string{"in"}}}, Plan: "plan"})
	jm := kmsg.NewJoinGroupResponseMember()
	jm.MemberID, jm.ProtocolMetadata = "m", []byte{0}
	if _, _, err := b.MemberBalancer([]kmsg.JoinGroupResponseMember{jm}); err == nil {
		t.Error("bad metadata was taken")
	}
	meta := kmsg.NewConsumerMemberMetadata()
	meta.UserData = []byte{9}
	jm.ProtocolMetadata = meta.AppendTo(nil)
	if _, _, err := b.MemberBalancer([]kmsg.JoinGroupResponseMember{jm}); !errors.Is(err, errUserData) {
		t.Errorf("bad user data: %v", err)
	}
	if _, err := b.ParseSyncAssignment([]byte{0}); err == nil {
		t.Error("bad assignment was taken")
	}
	if ps, err := b.ParseSyncAssignment(nil); err != nil || len(ps) > 0 {
		t.Errorf("no assignment: %v, %v", ps, err)
	}
}
