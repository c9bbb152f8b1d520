package expression

import (
	"errors"
	"fmt"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// loop is a function that computes an expression for each element of a list.
type loop uint8

const (
	loopAll loop = iota + 1
	loopNone
	loopAny
	loopOne
	loopFilter
	loopMap
	loopFind
	loopFindIndex
	loopFindLast
	loopFindLastIndex
	loopCount
	loopSum
	loopGroupBy
	loopSortBy
	loopReduce
)

var loops = map[string]loop{
	"all": loopAll, "none": loopNone, "any": loopAny, "one": loopOne, "filter": loopFilter, "map": loopMap, "find": loopFind,
	"findIndex": loopFindIndex, "findLast": loopFindLast, "findLastIndex": loopFindLastIndex, "count": loopCount, "sum": loopSum,
	"groupBy": loopGroupBy, "sortBy": loopSortBy, "reduce": loopReduce,
}

// looped computes n.b for each element of the list n.a. n.c is the order of sortBy, and what reduce
// begins with.
func (n *code) looped(in *Inputs, fr *frame) (value.Value, error) {
	v, err := n.a.eval(in, fr)
	if err != nil {
		return nil, err
	}
	list, ok := v.([]value.Value)
	if !ok {
		return nil, fmt.Errorf("%s needs a list, not %s%s", n.name, value.Kind(v), value.OfNull(v))
	}
	var third value.Value = functions.Absent
	if n.c != nil {
		if third, err = n.c.eval(in, fr); err != nil {
			return nil, err
		}
	}
	// Within a loop, # is of the inner one.
	item, at, acc := fr.item, fr.at, fr.acc
	v, err = n.iterate(in, fr, list, third)
	fr.item, fr.at, fr.acc = item, at, acc
	if err != nil {
		return nil, err
	}
	return fr.makes(v)
}

func (n *code) iterate(in *Inputs, fr *frame, list []value.Value, third value.Value) (value.Value, error) {
	switch n.loop {
	case loopMap:
		return n.each(in, fr, list)
	case loopFilter:
		out := []value.Value{}
		for i := range list {
			ok, err := n.holds(in, fr, list, i)
			if err != nil {
				return nil, err
			}
			if ok {
				out = append(out, list[i])
			}
		}
		return out, nil
	case loopSum:
		if n.b != nil {
			var err error
			if list, err = n.each(in, fr, list); err != nil {
				return nil, err
			}
		}
		return value.Sum(list, n.floats)
	case loopGroupBy:
		return n.grouped(in, fr, list)
	case loopSortBy:
		keys, err := n.each(in, fr, list)
		if err != nil {
			return nil, err
		}
		return functions.Sort(list, keys, third)
	case loopReduce:
		return n.reduced(in, fr, list, third)
	case loopFind, loopFindIndex, loopFindLast, loopFindLastIndex:
		return n.found(in, fr, list)
	}
	hits := 0
	for i := range list {
		ok, err := n.holds(in, fr, list, i)
		if err != nil {
			return nil, err
		}
		if ok {
			hits++
		}
		switch {
		case n.loop == loopAll && !ok, n.loop == loopNone && ok, n.loop == loopOne && hits > 1:
			return false, nil
		case n.loop == loopAny && ok:
			return true, nil
		}
	}
	switch n.loop {
	case loopCount:
		return int64(hits), nil
	case loopOne:
		return hits == 1, nil
	}
	return n.loop != loopAny, nil
}

// holds reports whether the condition is true for an element; without one, whether the element is.
func (n *code) holds(in *Inputs, fr *frame, list []value.Value, i int) (bool, error) {
	if n.b == nil {
		return truth(list[i])
	}
	fr.item, fr.at = list[i], i
	return n.b.test(in, fr)
}

// each is the value of the expression for each element.
func (n *code) each(in *Inputs, fr *frame, list []value.Value) ([]value.Value, error) {
	out := make([]value.Value, len(list))
	for i, v := range list {
		fr.item, fr.at = v, i
		v, err := n.b.eval(in, fr)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func (n *code) found(in *Inputs, fr *frame, list []value.Value) (value.Value, error) {
	backwards := n.loop == loopFindLast || n.loop == loopFindLastIndex
	index := n.loop == loopFindIndex || n.loop == loopFindLastIndex
	for step := range list {
		i := step
		if backwards {
			i = len(list) - 1 - step
		}
		ok, err := n.holds(in, fr, list, i)
		if err != nil {
			return nil, err
		}
		if ok && index {
			return int64(i), nil
		} else if ok {
			return list[i], nil
		}
	}
	if index {
		return int64(-1), nil
	}
	return nil, nil
}

// grouped is an object with a field for each value of the expression, in the order in which they
// come, of the elements.
func (n *code) grouped(in *Inputs, fr *frame, list []value.Value) (value.Value, error) {
	var b value.Builder
	kinds := map[string]string{}
	for i, v := range list {
		fr.item, fr.at = v, i
		k, err := n.b.eval(in, fr)
		if err != nil {
			return nil, err
		}
		name, err := value.Name(k)
		if err != nil {
			return nil, err
		}
		if kind, ok := kinds[name]; ok && kind != value.Kind(k) {
			return nil, fmt.Errorf("groupBy finds %s both as %s and as %s", name, kind, value.Kind(k))
		}
		kinds[name] = value.Kind(k)
		group, _ := b.Get(name)
		elements, _ := group.([]value.Value)
		b.Set(name, append(elements, v))
	}
	return b.Object(), nil
}

func (n *code) reduced(in *Inputs, fr *frame, list []value.Value, first value.Value) (value.Value, error) {
	start := 0
	fr.acc = first
	if first == functions.Absent {
		if len(list) == 0 {
			return nil, errors.New("reduce of an empty list needs a third argument: what it begins with")
		}
		fr.acc, start = list[0], 1
	}
	for i := start; i < len(list); i++ {
		fr.item, fr.at = list[i], i
		v, err := n.b.eval(in, fr)
		if err != nil {
			return nil, err
		}
		fr.acc = v
	}
	return fr.acc, nil
}
