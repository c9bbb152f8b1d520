package assign

import (
	"maps"
	"slices"
	"testing"
)

// TestTopicsComeAndGo: members find topics of patterns at different times. While the leader lacks
// one, nothing moves, and it is told so; a member that lacks one keeps its tasks without it; when
// all have it, all of it is dealt out. With topics that go it is the same.
func TestTopicsComeAndGo(t *testing.T) {
	one, both := []Sub{{Name: "s", Topics: []string{"a"}}}, []Sub{{Name: "s", Topics: []string{"b", "a"}}}
	g := &fakeGroup{t: t, subs: one, topics: map[string]int32{"a": 4}}
	x, y, z := g.add("x", 0, "p"), g.add("y", 0, "p"), g.add("z", 0, "p")
	behind := 0
	x.cfg.OnBehind = func() { behind++ }
	x.Balancer, g.leader = New(x.cfg), x
	before := g.settle()
	if len(before) != 4 {
		t.Fatalf("tasks %v", before)
	}

	// y has found b.
	find := func(m *fakeMember) {
		m.SetSubs(both)
		m.unknown = nil
	}
	g.topics["b"] = 6
	g.torn = true
	x.unknown, z.unknown = map[string]bool{"b": true}, map[string]bool{"b": true}
	find(y)
	for range 2 {
		if g.rebalance(nil) || !maps.Equal(g.owners(), before) || behind == 0 || len(y.owned["b"]) != 0 {
			t.Fatalf("owners %v, before %v; the leader was told %d times; y has %v", g.owners(), before, behind, y.owned)
		}
	}

	// So has the leader.
	find(x)
	behind = 0
	after := g.settle()
	if len(after) != 6 || behind != 0 {
		t.Errorf("owners %v; the leader was told %d times", after, behind)
	}
	if len(z.owned["b"]) != 0 || len(z.owned["a"]) == 0 {
		t.Errorf("z has %v", z.owned)
	}
	for task, owner := range after {
		if before[task] == z.id && owner != z.id || owner == z.id && before[task] != z.id {
			t.Errorf("%v was of %s and is of %s", task, before[task], owner)
		}
	}

	// All have.
	find(z)
	g.subs, g.torn = both, false
	after = g.settle()
	for _, m := range g.members {
		if len(m.Assigned()) != 2 || len(m.owned["b"]) != 2 {
			t.Errorf("%s has %v", m.id, m.owned)
		}
	}

	// It is gone, for the leader first.
	g.torn = true
	delete(g.topics, "b")
	gone := func(m *fakeMember) {
		m.SetSubs(one)
		delete(m.owned, "b") // a new session has nothing, and was given up what it had
	}
	gone(x)
	y.unknown, z.unknown = nil, nil
	g.topics["b"] = 6 // to those who do not know yet
	x.unknown = map[string]bool{"b": true}
	if g.rebalance(nil); !maps.Equal(g.owners(), after) || behind == 0 {
		t.Errorf("owners %v, before %v; the leader was told %d times", g.owners(), after, behind)
	}
	gone(y)
	gone(z)
	delete(g.topics, "b")
	g.subs, g.torn = one, false
	if left := slices.Sorted(maps.Values(g.settle())); len(left) != 4 || len(slices.Compact(left)) != 3 {
		t.Errorf("owners %v", left)
	}
}
