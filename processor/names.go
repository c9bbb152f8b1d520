package processor

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/internal/flow"
)

// checkNames checks the names that internal topics would have: Apache Kafka refuses to create some,
// other brokers take them all. Of an application whose own name is wrong, Validate has said so.
func checkNames(plan *flow.Plan, app string) error {
	if flow.CheckName(app) != nil {
		return nil
	}
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, &ConfigError{Field: "ApplicationID", Reason: fmt.Sprintf(format, args...)})
	}
	seen := map[string]string{} // by what Kafka's metrics make of a name
	metric := func(name string) string { return strings.ReplaceAll(name, ".", "_") }
	for _, sub := range plan.SubTopologies {
		for _, in := range sub.Inputs {
			if !in.Repartition {
				seen[metric(in.Topic)] = in.Topic
			}
		}
		for _, s := range sub.Sinks {
			if !s.Repartition {
				seen[metric(s.Topic)] = s.Topic
			}
		}
	}
	check := func(what, name string) {
		if err := flow.CheckName(name); err != nil {
			wrong("the topic of %s would be %q, which %v: choose a shorter application id, or a shorter name", what, name, err)
		}
		if other, ok := seen[metric(name)]; ok {
			wrong("the topic of %s would be %q, but there is %q, and Kafka takes no two topics that differ in '.' and '_' only: choose another name", what, name, other)
		}
		seen[metric(name)] = name
	}
	for _, r := range plan.Repartitions {
		check("repartition "+r.Name, changelog.RepartitionName(app, r.Name))
	}
	for _, sub := range plan.SubTopologies {
		for _, s := range sub.Stores {
			if s.Logged {
				check("store "+s.Name, changelog.Name(app, s.Name))
			}
		}
	}
	return errors.Join(errs...)
}
