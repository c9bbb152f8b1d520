package script

import (
	"fmt"
	"strings"
	"time"

	"github.com/kolkstream/kolk/internal/text"
)

// command is a command of scripts.
type command struct {
	usage       string
	least, most int // arguments; -1: any number
	records     bool
	do          func(r *runner, words []string, input string) (string, error)
}

// commands returns the commands by name.
func commands() map[string]command {
	return map[string]command{
		"pipe": {"TOPIC [RECORD]", 1, -1, true, func(r *runner, words []string, input string) (string, error) {
			return "", r.each(words, input, r.d.TryRun)
		}},
		"append": {"TOPIC [RECORD]", 1, -1, true, func(r *runner, words []string, input string) (string, error) {
			return "", r.each(words, input, func() error { return nil })
		}},
		"run":    {"", 0, 0, false, func(r *runner, _ []string, _ string) (string, error) { return "", r.d.TryRun() }},
		"commit": {"", 0, 0, false, func(r *runner, _ []string, _ string) (string, error) { return "", r.d.TryCommit() }},
		"end":    {"", 0, 0, false, func(r *runner, _ []string, _ string) (string, error) { return "", r.d.TryEndOfInput() }},
		"advance": {"TIME", 1, 1, false, func(r *runner, words []string, _ string) (string, error) {
			at, err := text.ParseTime(words[0])
			if err != nil {
				panic(wrong("%v", err))
			}
			return "", r.d.TryAdvanceTime(at)
		}},
		"wallclock": {"DURATION", 1, 1, false, func(r *runner, words []string, _ string) (string, error) {
			by, err := time.ParseDuration(words[0])
			if err != nil || by < 0 {
				panic(wrong("%q is no duration, such as 10s", words[0]))
			}
			return "", r.d.TryAdvance(by)
		}},
		"restart": {"", 0, 0, false, func(r *runner, _ []string, _ string) (string, error) {
			err := r.d.TryCommit()
			if err == nil {
				r.d.Restart()
			}
			return "", err
		}},
		"crash": {"[losing-state]", 0, 1, false, func(r *runner, words []string, _ string) (string, error) {
			switch {
			case len(words) == 0:
				r.d.Crash()
			case words[0] == "losing-state":
				r.d.CrashLosingState()
			default:
				panic(wrong("%q is none of its words; it is crash, or crash losing-state", words[0]))
			}
			return "", nil
		}},
		"output": {"TOPIC...", 1, -1, false, func(r *runner, words []string, _ string) (string, error) {
			var b strings.Builder
			for _, topic := range words {
				r.output(&b, topic, len(words) > 1)
			}
			return b.String(), nil
		}},
		"store": {"NAME", 1, 1, false, func(r *runner, words []string, _ string) (string, error) {
			return r.store(words[0]), nil
		}},
		"dropped": {"[NODE]", 0, 1, false, func(r *runner, words []string, _ string) (string, error) {
			var b strings.Builder
			for _, of := range r.d.Stats().Dropped {
				if len(words) == 0 || words[0] == of.Node {
					fmt.Fprintf(&b, "%s: %s %d\n", of.Node, of.Reason, of.Count)
				}
			}
			return b.String(), nil
		}},
		"new": {"[partitions=N] [commit-every=N] [on-error=skip]", 0, 3, false, func(r *runner, words []string, _ string) (string, error) {
			r.begin(options(r.opts, words))
			return "", nil
		}},
	}
}
