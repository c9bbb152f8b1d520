package assign

import (
	"slices"
	"strconv"
	"strings"
)

// placed is a task with its partitions, and what is known of who had it.
type placed struct {
	Task
	partitions map[string]int32 // topic -> partition
	owner      int              // index in the ready members, -1 for none of them
	holders    []int            // ready members whose process has its state, without the owner
	free       bool             // nobody but the owner has any of its partitions
	target     int
}

// deal gives the tasks of subs to the accepted members. members are all, with those who get
// nothing: they may still have partitions, which nobody else gets before they have given them up. A
// member that is not ready keeps what it has and gets nothing new; it joins again when it is.
func deal(subs []Sub, topics map[string]int32, members, accepted []*member, result map[string]*share) {
	claims := claimsOf(members)
	ready := make([]*member, 0, len(accepted))
	index, waiting := map[*member]int{}, map[*member]bool{}
	for _, m := range accepted {
		if m.ready(subs) {
			index[m] = len(ready)
			ready = append(ready, m)
		} else {
			waiting[m] = true
		}
	}
	var tasks []*placed
	for _, sub := range subs {
		n, known := tasksOf(sub, topics)
		if !known {
			// The leader has no metadata of one of the topics: a task might be torn apart. Nothing
			// moves until it has.
			keep(sub, accepted, result)
			continue
		}
		for p := range n {
			t := &placed{Task: Task{sub.Name, p}, partitions: map[string]int32{}, owner: -1, target: -1}
			for _, topic := range sub.Topics {
				if p < topics[topic] {
					t.partitions[topic] = p
				}
			}
			owner, free := t.claimed(claims)
			if waiting[owner] && free {
				result[owner.id].add(t)
				continue
			}
			if i, ok := index[owner]; ok {
				t.owner = i
			}
			t.free = free && (owner == nil || t.owner >= 0) // a refused member may have it
			tasks = append(tasks, t)
		}
	}
	if len(ready) == 0 {
		return
	}
	holders(tasks, ready)
	place(tasks, len(ready))
	for _, t := range tasks {
		// else it moves: first its owner has to give it up
		if t.free && (t.owner < 0 || t.owner == t.target) {
			result[ready[t.target].id].add(t)
		}
	}
}

func (s *share) add(t *placed) {
	s.tasks = append(s.tasks, t.Task)
	for topic, p := range t.partitions {
		s.partitions[topic] = append(s.partitions[topic], p)
	}
}

// tasksOf returns how many tasks a sub-topology has; known is false if a topic's partitions are
// not.
func tasksOf(sub Sub, topics map[string]int32) (n int32, known bool) {
	for _, topic := range sub.Topics {
		if topics[topic] <= 0 {
			return 0, false
		}
		n = max(n, topics[topic])
	}
	return n, true
}

// keep leaves a sub-topology's tasks where they are.
func keep(sub Sub, accepted []*member, result map[string]*share) {
	for _, m := range accepted {
		s := result[m.id]
		for _, t := range m.Owned {
			if t.Sub == sub.Name {
				s.tasks = append(s.tasks, t)
			}
		}
		for _, topic := range sub.Topics {
			if ps := m.claims[topic]; len(ps) > 0 {
				s.partitions[topic] = append(s.partitions[topic], ps...)
			}
		}
	}
}

type topicPartition struct {
	topic     string
	partition int32
}

// claimsOf returns who has each partition: of those that say so the ones who were in the latest
// generation. An older claim beside a newer one is of a member that missed an assignment; it is
// fenced by its generation.
func claimsOf(members []*member) map[topicPartition][]*member {
	claims := map[topicPartition][]*member{}
	for _, m := range members {
		for topic, partitions := range m.claims {
			for _, p := range partitions {
				tp := topicPartition{topic, p}
				switch others := claims[tp]; {
				case len(others) == 0 || others[0].generation < m.generation:
					claims[tp] = []*member{m}
				case others[0].generation == m.generation:
					claims[tp] = append(others, m)
				}
			}
		}
	}
	return claims
}

// claimed returns the task's owner, if it has one. If several members have partitions of it, it is
// not free: nobody gets it until all have given them up.
func (t *placed) claimed(claims map[topicPartition][]*member) (owner *member, free bool) {
	for topic, p := range t.partitions {
		for _, m := range claims[topicPartition{topic, p}] {
			if owner != nil && owner != m {
				return nil, false
			}
			owner = m
		}
	}
	return owner, true
}

// holders notes who has the state of the tasks.
func holders(tasks []*placed, ready []*member) {
	byProcess := map[string][]int{}
	for i, m := range ready {
		byProcess[m.Process] = append(byProcess[m.Process], i)
	}
	byTask := map[Task]map[string]bool{}
	for _, m := range ready {
		for _, held := range [][]Task{m.Held, m.Owned} {
			for _, t := range held {
				if byTask[t] == nil {
					byTask[t] = map[string]bool{}
				}
				byTask[t][m.Process] = true
			}
		}
	}
	for _, t := range tasks {
		for process := range byTask[t.Task] {
			for _, i := range byProcess[process] {
				if i != t.owner {
					t.holders = append(t.holders, i)
				}
			}
		}
		slices.Sort(t.holders)
	}
}

// place chooses a target for each task: every member gets as many as any other, or one less, over
// all and of each sub-topology; of all such placements one that leaves the most tasks with their
// owners; of those one that gives the most to holders of their state; and of those one where
// members that have few get the odd ones. It is a flow of least cost:
//
//	class of tasks -> (member, sub-topology) -> member -> end
//
// where a class is the tasks of a sub-topology with the same owner and holders.
func place(tasks []*placed, members int) {
	if len(tasks) == 0 {
		return
	}
	type class struct {
		tasks []*placed
		sub   int
	}
	var classes []*class
	byKey := map[string]*class{}
	subs := map[string]int{}
	var perSub []int
	for _, t := range tasks {
		sub, ok := subs[t.Sub]
		if !ok {
			sub = len(perSub)
			subs[t.Sub] = sub
			perSub = append(perSub, 0)
		}
		perSub[sub]++
		key := t.classKey()
		c := byKey[key]
		if c == nil {
			c = &class{sub: sub}
			byKey[key] = c
			classes = append(classes, c)
		}
		c.tasks = append(c.tasks, t)
	}

	n := int64(len(tasks))
	owned := make([]int64, members)
	for _, t := range tasks {
		if t.owner >= 0 {
			owned[t.owner]++
		}
	}
	heldCost := -(n*int64(members) + 1) // more than all differences in load
	ownedCost := (n + 1) * heldCost     // more than all holders
	must := (n + 1) * ownedCost         // more than all wishes together

	// Nodes: start, end, classes, pools (one for each sub-topology), cells (member, sub-topology),
	// members.
	const start, end = 0, 1
	classNode := func(i int) int { return 2 + i }
	poolNode := func(sub int) int { return classNode(len(classes)) + sub }
	cellNode := func(m, sub int) int { return poolNode(len(perSub)) + m*len(perSub) + sub }
	memberNode := func(m int) int { return cellNode(members, 0) + m }
	f := newFlow(memberNode(members))
	type choice struct{ class, member, edge int }
	var choices []choice // pools first come after wishes, in the order of classes
	for i, c := range classes {
		t := c.tasks[0]
		f.edge(start, classNode(i), int64(len(c.tasks)), 0)
		if t.owner >= 0 {
			choices = append(choices, choice{i, t.owner, f.edge(classNode(i), cellNode(t.owner, c.sub), int64(len(c.tasks)), ownedCost)})
		}
		for _, m := range t.holders {
			choices = append(choices, choice{i, m, f.edge(classNode(i), cellNode(m, c.sub), int64(len(c.tasks)), heldCost)})
		}
		f.edge(classNode(i), poolNode(c.sub), int64(len(c.tasks)), 0)
	}
	pools := make([][]int, len(perSub))
	for sub, count := range perSub {
		for m := range members {
			pools[sub] = append(pools[sub], f.edge(poolNode(sub), cellNode(m, sub), n, 0))
			f.edge(cellNode(m, sub), memberNode(m), int64(count/members), must)
			if count%members > 0 {
				f.edge(cellNode(m, sub), memberNode(m), 1, 0)
			}
		}
	}
	for m := range members {
		f.edge(memberNode(m), end, n/int64(members), must)
		if n%int64(members) > 0 {
			f.edge(memberNode(m), end, 1, owned[m])
		}
	}
	f.run(start, end)

	for _, ch := range choices {
		c := classes[ch.class]
		for range f.flow(ch.edge) {
			c.tasks[0].target = ch.member
			c.tasks = c.tasks[1:]
		}
	}
	// What went through a pool goes to whoever got something from it.
	m := make([]int, len(perSub))
	left := make([]int64, len(perSub))
	for sub := range perSub {
		left[sub] = f.flow(pools[sub][0])
	}
	for _, c := range classes {
		for _, t := range c.tasks {
			for left[c.sub] == 0 {
				m[c.sub]++
				left[c.sub] = f.flow(pools[c.sub][m[c.sub]])
			}
			left[c.sub]--
			t.target = m[c.sub]
		}
	}
}

func (t *placed) classKey() string {
	var b strings.Builder
	b.WriteString(t.Sub)
	b.WriteByte(0)
	b.WriteString(strconv.Itoa(t.owner))
	for _, h := range t.holders {
		b.WriteByte(',')
		b.WriteString(strconv.Itoa(h))
	}
	return b.String()
}
