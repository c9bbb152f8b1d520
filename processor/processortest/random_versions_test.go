package processortest

import (
	"cmp"
	"slices"

	"github.com/kolkstream/kolk/topology"
)

// modelVersions is what rows of a table were, by task and key: a list by timestamp.
type modelVersions struct {
	m           *model
	keeps, late int64
	all         map[modelRow][]modelRecord
}

type modelRow struct {
	p   int32
	key string
}

// history adds a table that keeps what its rows were for keeps, and takes updates that are out of
// order by late.
func (m *model) history(keeps, late int64, parent *modelNode) *modelVersions {
	v := &modelVersions{m: m, keeps: keeps, late: late, all: map[modelRow][]modelRecord{}}
	m.node(func(p int32, r modelRecord, _ func(modelRecord)) {
		switch {
		case r.noKey:
			m.drop(topology.NullKey)
			return
		case r.ref-r.ts > v.late:
			m.drop(topology.LateRecord)
			return
		}
		at := modelRow{p, r.key}
		list := slices.DeleteFunc(v.all[at], func(o modelRecord) bool { return o.ts == r.ts })
		v.all[at] = append(list, r)
		slices.SortFunc(v.all[at], func(a, b modelRecord) int { return cmp.Compare(a.ts, b.ts) })
	}, parent)
	return v
}

// at returns what a record finds.
func (v *modelVersions) at(p int32, r modelRecord) (value int64, ok bool) {
	list := v.all[modelRow{p, r.key}]
	for i, o := range slices.Backward(list) {
		if o.ts > r.ts {
			continue
		}
		if i < len(list)-1 && r.ref-r.ts > v.keeps {
			return 0, false
		}
		return o.value, !o.noValue
	}
	return 0, false
}
