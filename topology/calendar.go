package topology

import "time"

// Days returns windows of a day in a time zone, each from one midnight to the next: on days on
// which clocks are changed 23 or 25 hours long, or what the zone makes of them. The zone needs a
// name that means the same on each machine, so that [time.Local] is a mistake.
func Days(zone *time.Location) Windows { return Windows{kind: "days", zone: zone} }

// Weeks returns windows of a week that begin with that day; see [Days].
func Weeks(zone *time.Location, first time.Weekday) Windows {
	return Windows{kind: "weeks", zone: zone, first: first}
}

// Months returns windows of a month; see [Days].
func Months(zone *time.Location) Windows { return Windows{kind: "months", zone: zone} }

// calendar reports whether the windows are those of a calendar.
func (w Windows) calendar() bool { return w.kind == "days" || w.kind == "weeks" || w.kind == "months" }

// place is where the windows of a calendar are counted, and from which day on.
func (w Windows) place() string {
	if w.zone == nil {
		return ""
	}
	if w.kind == "weeks" {
		return w.first.String() + " " + w.zone.String()
	}
	return w.zone.String()
}
