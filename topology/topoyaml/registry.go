package topoyaml

import (
	"context"
	"encoding/json/v2"
	"fmt"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/steps"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// Registry holds Go functions that files may use as steps, by name. The zero value is empty. Fill
// it before Load; it is not safe for concurrent writing.
type Registry struct {
	functions map[string]steps.Function
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry { return &Registry{} }

// RegisterFilter makes f available as the step "process: name": records for which it returns false
// are dropped. A value becomes a V by way of JSON, unless V is [Value] or *[Object]. f may be
// called by several goroutines at once. A name that is taken, or a nil f, is an error.
func RegisterFilter[V any](r *Registry, name string, f func(context.Context, V) (bool, error)) error {
	return r.add(name, f == nil, steps.Function{Filter: func(ctx context.Context, v Value) (bool, error) {
		in, err := toGo[V](v)
		if err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
		return f(ctx, in)
	}})
}

// RegisterMapper makes f available as the step "process: name": its result is the new value,
// converted as the argument is. f may be called by several goroutines at once. A name that is
// taken, or a nil f, is an error.
func RegisterMapper[V, R any](r *Registry, name string, f func(context.Context, V) (R, error)) error {
	return r.add(name, f == nil, steps.Function{Mapper: func(ctx context.Context, v Value) (Value, error) {
		in, err := toGo[V](v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out, err := f(ctx, in)
		if err != nil {
			return nil, err
		}
		res, err := fromGo(out)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return res, nil
	}})
}

func (r *Registry) add(name string, missing bool, f steps.Function) error {
	if missing {
		return fmt.Errorf("topoyaml: the function %q is nil", name)
	}
	if _, ok := r.functions[name]; ok {
		return fmt.Errorf("topoyaml: the function %q is registered already", name)
	}
	if r.functions == nil {
		r.functions = make(map[string]steps.Function)
	}
	r.functions[name] = f
	return nil
}

func toGo[V any](v Value) (V, error) {
	// the function may keep it, and a store may change the state of an aggregation
	v = value.Snapshot(v)
	var out V
	// A pointer to V names the type even where V is an interface.
	switch p := any(&out).(type) {
	case *Value:
		*p = v
		return out, nil
	case **Object:
		if o, ok := v.(*Object); ok {
			*p = o
			return out, nil
		}
	}
	data, err := value.AppendJSON(nil, v)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	return out, err
}

func fromGo(out any) (Value, error) {
	switch out.(type) {
	case nil, bool, int, int64, float64, string, []byte, *Object:
		return value.FromGo(out)
	}
	data, err := json.Marshal(out, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	return value.ParseJSON(data)
}
