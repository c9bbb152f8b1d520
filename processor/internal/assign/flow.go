package assign

import "math"

// flow finds a largest flow of least cost through a small graph: by shortest ways, one after
// another. Costs may be negative as long as no circle is. It is deterministic: equal graphs, built
// in the same order, get equal flows.
type flow struct {
	edges []flowEdge // an edge and its reverse lie beside each other
	out   [][]int    // edges by node
}

type flowEdge struct {
	to             int
	capacity, cost int64 // what is left of it
}

func newFlow(nodes int) *flow { return &flow{out: make([][]int, nodes)} }

// edge adds an edge and returns its number.
func (f *flow) edge(from, to int, capacity, cost int64) int {
	n := len(f.edges)
	f.edges = append(f.edges, flowEdge{to, capacity, cost}, flowEdge{from, 0, -cost})
	f.out[from] = append(f.out[from], n)
	f.out[to] = append(f.out[to], n+1)
	return n
}

// flow returns how much goes through an edge.
func (f *flow) flow(edge int) int64 { return f.edges[edge^1].capacity }

// run sends as much as possible from start to end.
func (f *flow) run(start, end int) {
	dist := make([]int64, len(f.out))
	via := make([]int, len(f.out))
	queued := make([]bool, len(f.out))
	var queue []int
	for {
		for i := range dist {
			dist[i] = math.MaxInt64
		}
		dist[start] = 0
		queue = append(queue[:0], start)
		for head := 0; head < len(queue); head++ {
			n := queue[head]
			queued[n] = false
			for _, e := range f.out[n] {
				edge := &f.edges[e]
				if d := dist[n] + edge.cost; edge.capacity > 0 && d < dist[edge.to] {
					dist[edge.to] = d
					via[edge.to] = e
					if !queued[edge.to] {
						queued[edge.to] = true
						queue = append(queue, edge.to)
					}
				}
			}
		}
		if dist[end] == math.MaxInt64 {
			return
		}
		amount := int64(math.MaxInt64)
		for n := end; n != start; n = f.edges[via[n]^1].to {
			amount = min(amount, f.edges[via[n]].capacity)
		}
		for n := end; n != start; n = f.edges[via[n]^1].to {
			f.edges[via[n]].capacity -= amount
			f.edges[via[n]^1].capacity += amount
		}
	}
}
