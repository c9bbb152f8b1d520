package assign

import (
	"slices"
	"strconv"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
)

// even tells if counts differ by one at most.
func even(counts []int) bool { return slices.Max(counts)-slices.Min(counts) <= 1 }

// score returns how many tasks a placement leaves with their owners and gives to holders; ok is
// false if it is not even.
func score(tasks []*placed, targets []int, members int) (kept, held int, ok bool) {
	all := make([]int, members)
	bySub := map[string][]int{}
	for i, t := range tasks {
		m := targets[i]
		if m < 0 || m >= members {
			return 0, 0, false
		}
		if bySub[t.Sub] == nil {
			bySub[t.Sub] = make([]int, members)
		}
		all[m]++
		bySub[t.Sub][m]++
		if t.owner == m {
			kept++
		} else if slices.Contains(t.holders, m) {
			held++
		}
	}
	for _, counts := range bySub {
		if !even(counts) {
			return 0, 0, false
		}
	}
	return kept, held, even(all)
}

// the placement is the best of all: an exhaustive search says so.
func TestPlaceIsBest(t *testing.T) {
	rnd := seeds.Rand(t)
	for range 300 {
		members, n := 1+rnd.IntN(4), 1+rnd.IntN(7)
		if members == 4 {
			n = min(n, 6)
		}
		var tasks []*placed
		for i := range n {
			p := &placed{Task: Task{"s" + strconv.Itoa(rnd.IntN(3)), int32(i)}, owner: rnd.IntN(members+1) - 1, target: -1}
			for m := range members {
				if m != p.owner && rnd.IntN(3) == 0 {
					p.holders = append(p.holders, m)
				}
			}
			tasks = append(tasks, p)
		}
		place(tasks, members)
		got := make([]int, n)
		for i, p := range tasks {
			got[i] = p.target
		}
		kept, held, ok := score(tasks, got, members)
		if !ok {
			t.Fatalf("not even: %d members, %v", members, got)
		}
		if most := mostKeptOf(tasks, members); kept != most {
			t.Fatalf("%d members: %v keeps %d, and the reference of other tests %d", members, got, kept, most)
		}
		try := make([]int, n)
		for {
			if k, h, ok := score(tasks, try, members); ok && (k > kept || k == kept && h > held) {
				t.Fatalf("%d members: %v keeps %d and gives %d to holders; %v keeps %d and gives %d", members, got, kept, held, try, k, h)
			}
			i := 0
			for ; i < n; i++ {
				if try[i]++; try[i] < members {
					break
				}
				try[i] = 0
			}
			if i == n {
				break
			}
		}
	}
}

func mostKeptOf(tasks []*placed, members int) int {
	var subs []string
	var count []int
	owned := make([][]int, members)
	for m := range owned {
		owned[m] = make([]int, 3)
	}
	for _, t := range tasks {
		s := slices.Index(subs, t.Sub)
		if s < 0 {
			s = len(subs)
			subs, count = append(subs, t.Sub), append(count, 0)
		}
		count[s]++
		if t.owner >= 0 {
			owned[t.owner][s]++
		}
	}
	kept, _ := mostKept(owned, count, -1)
	return kept
}

func BenchmarkPlace(b *testing.B) {
	const members, subs, partitions = 64, 8, 128
	rnd := seeds.Rand(b)
	for b.Loop() {
		var tasks []*placed
		for s := range subs {
			for p := range partitions {
				// One member is new.
				tasks = append(tasks, &placed{Task: Task{strconv.Itoa(s), int32(p)}, owner: rnd.IntN(members - 1), holders: []int{members - 1}, target: -1})
			}
		}
		place(tasks, members)
	}
}
