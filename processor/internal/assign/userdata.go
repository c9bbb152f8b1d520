package assign

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// version is the first byte of both user data. A reader refuses another.
const version = 2

// errUserData marks user data that cannot be read.
var errUserData = errors.New("assign: user data")

// memberData is what a member tells the leader, beside the standard metadata (topics, owned
// partitions, generation).
type memberData struct {
	Process         string
	Worker          int32
	TransactionalID string
	Plan, Details   string
	Owned, Held     []Task // sorted
}

// assignmentData is what the leader tells a member, beside the partitions.
type assignmentData struct {
	// Plan is the group's; Refused members have another. Members is how many run it.
	Plan    string
	Refused bool
	Details string // of the group's plan, for those who are refused
	// Yields says that the member has partitions that are not among those of this assignment.
	Yields  bool
	Members int
	Tasks   []Task // sorted
	// Live are the transactional ids of this generation, so that the next leader knows who was
	// there. In large groups only some members get them.
	Live []string // sorted
	Gone []gone   // sorted by id
}

const (
	flagRefused = 1 << iota
	flagYields
)

// gone is a transactional id whose member is not there any more, and for how many generations.
type gone struct {
	ID  string
	Age int
}

func (d memberData) append(dst []byte) []byte {
	dst = append(dst, version)
	dst = appendString(dst, d.Process)
	dst = binary.AppendUvarint(dst, uint64(uint32(d.Worker)))
	dst = appendString(dst, d.TransactionalID)
	dst = appendString(dst, d.Plan)
	dst = appendString(dst, d.Details)
	dst = appendTasks(dst, d.Owned)
	return appendTasks(dst, d.Held)
}

func parseMemberData(src []byte) (d memberData, err error) {
	r := decoder{src: src}
	r.version("member")
	d.Process = r.string()
	d.Worker = int32(r.limited(1<<31 - 1))
	d.TransactionalID = r.string()
	d.Plan = r.string()
	d.Details = r.string()
	d.Owned = r.tasks()
	d.Held = r.tasks()
	return d, r.end("member")
}

func (d assignmentData) append(dst []byte) []byte {
	dst = append(dst, version)
	flags := byte(0)
	if d.Refused {
		flags |= flagRefused
	}
	if d.Yields {
		flags |= flagYields
	}
	dst = append(dst, flags)
	dst = appendString(dst, d.Plan)
	dst = appendString(dst, d.Details)
	dst = binary.AppendUvarint(dst, uint64(d.Members))
	dst = appendTasks(dst, d.Tasks)
	dst = binary.AppendUvarint(dst, uint64(len(d.Live)))
	for _, id := range d.Live {
		dst = appendString(dst, id)
	}
	dst = binary.AppendUvarint(dst, uint64(len(d.Gone)))
	for _, g := range d.Gone {
		dst = appendString(dst, g.ID)
		dst = binary.AppendUvarint(dst, uint64(g.Age))
	}
	return dst
}

// parseAssignment reads an assignment's user data. None at all is an assignment of nothing.
func parseAssignment(src []byte) (d assignmentData, err error) {
	if len(src) == 0 {
		return d, nil
	}
	r := decoder{src: src}
	r.version("assignment")
	flags := r.byte()
	if flags&^(flagRefused|flagYields) != 0 {
		r.fail("flags")
	}
	d.Refused, d.Yields = flags&flagRefused != 0, flags&flagYields != 0
	d.Plan = r.string()
	d.Details = r.string()
	d.Members = int(r.limited(1 << 20))
	d.Tasks = r.tasks()
	for n := r.count(); n > 0; n-- {
		d.Live = append(d.Live, r.string())
	}
	for n := r.count(); n > 0; n-- {
		d.Gone = append(d.Gone, gone{ID: r.string(), Age: int(r.limited(1 << 20))})
	}
	return d, r.end("assignment")
}

func appendString(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// appendTasks writes sorted tasks: each sub-topology once, its partitions as differences.
func appendTasks(dst []byte, tasks []Task) []byte {
	var subs uint64
	for i := range tasks {
		if i == 0 || tasks[i].Sub != tasks[i-1].Sub {
			subs++
		}
	}
	dst = binary.AppendUvarint(dst, subs)
	for len(tasks) > 0 {
		n := slices.IndexFunc(tasks, func(t Task) bool { return t.Sub != tasks[0].Sub })
		if n < 0 {
			n = len(tasks)
		}
		dst = appendString(dst, tasks[0].Sub)
		dst = binary.AppendUvarint(dst, uint64(n))
		last := int32(-1)
		for _, t := range tasks[:n] {
			dst = binary.AppendUvarint(dst, uint64(t.Partition-last-1))
			last = t.Partition
		}
		tasks = tasks[n:]
	}
	return dst
}

// decoder reads user data; after a failure it returns zeros.
type decoder struct {
	src []byte
	err error
}

func (r *decoder) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: malformed %s", errUserData, what)
	}
	r.src = nil
}

func (r *decoder) byte() byte {
	if len(r.src) == 0 {
		r.fail("end")
		return 0
	}
	b := r.src[0]
	r.src = r.src[1:]
	return b
}

func (r *decoder) version(what string) {
	if v := r.byte(); r.err == nil && v != version {
		r.err = fmt.Errorf("%w: %s has version %d, this program knows %d", errUserData, what, v, version)
		r.src = nil
	}
}

// limited reads a number up to limit, in its shortest form.
func (r *decoder) limited(limit uint64) uint64 {
	v, n := binary.Uvarint(r.src)
	if n <= 0 || v > limit || n > 1 && r.src[n-1] == 0 {
		r.fail("number")
		return 0
	}
	r.src = r.src[n:]
	return v
}

// count reads a number of things, of which each takes a byte or more.
func (r *decoder) count() int { return int(r.limited(uint64(len(r.src)))) }

func (r *decoder) string() string {
	n := r.count()
	if n > len(r.src) {
		r.fail("string")
		return ""
	}
	s := string(r.src[:n])
	r.src = r.src[n:]
	return s
}

func (r *decoder) tasks() (tasks []Task) {
	before := ""
	for i, subs := 0, r.count(); i < subs; i++ {
		sub := r.string()
		n := r.count()
		if n == 0 || i > 0 && sub <= before {
			r.fail("tasks")
			return nil
		}
		before = sub
		last := int64(-1)
		for ; n > 0; n-- {
			last += 1 + int64(r.limited(1<<31-1))
			if last > 1<<31-1 {
				r.fail("partition")
				return nil
			}
			if r.err != nil {
				return nil
			}
			tasks = append(tasks, Task{sub, int32(last)})
		}
	}
	return tasks
}

func (r *decoder) end(what string) error {
	if r.err == nil && len(r.src) > 0 {
		r.fail(what + ": something behind the end")
	}
	return r.err
}
