package functions

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"sync"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// patterns are the regular expressions of a file, all of them, and the last ones that came with
// records.
type patterns struct {
	file sync.Map // text -> *regexp.Regexp
	mu   sync.Mutex
	seen map[string]*regexp.Regexp
}

// maxPatterns bounds what is kept of patterns that come with records.
const maxPatterns = 64

// Pattern compiles a regular expression that stands in the file. There are as many as the file has,
// so all are kept.
func (l *Library) Pattern(s string) (*regexp.Regexp, error) {
	re, err := compile(s)
	if err == nil {
		l.patterns.file.Store(s, re)
	}
	return re, err
}

func compile(s string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(s)
	if err != nil {
		if e, ok := errors.AsType[*syntax.Error](err); ok {
			err = errors.New(e.Code.String())
		}
		return nil, fmt.Errorf("%q is no regular expression: %w", s, err)
	}
	return re, nil
}

// Matches reports whether a text has a match of a pattern that is only known when the record comes.
func (l *Library) Matches(s, pattern string) (bool, error) {
	p := &l.patterns
	p.mu.Lock()
	re := p.seen[pattern]
	p.mu.Unlock()
	if re == nil {
		var err error
		if re, err = compile(pattern); err != nil {
			return false, err
		}
		p.mu.Lock()
		if p.seen == nil || len(p.seen) >= maxPatterns {
			p.seen = map[string]*regexp.Regexp{}
		}
		p.seen[pattern] = re
		p.mu.Unlock()
	}
	return re.MatchString(s), nil
}

func (l *Library) matching() []Function {
	return []Function{{Name: "extract", Min: 2, Max: 3, Call: l.extract}}
}

func (l *Library) extract(a, b, c, _ Value) (Value, error) {
	s, ok := a.(string)
	if !ok {
		return nil, fmt.Errorf("extract needs a string, not %s", value.Kind(a))
	}
	p, ok := l.patterns.file.Load(b)
	if !ok {
		return nil, fmt.Errorf("extract does not know the pattern %v", b)
	}
	re, group := p.(*regexp.Regexp), int64(0)
	if c != Absent {
		if group, ok = c.(int64); !ok {
			return nil, fmt.Errorf("extract needs the number of a group, not %s", value.Kind(c))
		}
	}
	if group < 0 || group > int64(re.NumSubexp()) {
		return nil, fmt.Errorf("there is no group %d in %q, which has %d", group, re, re.NumSubexp())
	}
	found := re.FindStringSubmatchIndex(s)
	if found == nil || found[2*group] < 0 {
		return nil, nil
	}
	return s[found[2*group]:found[2*group+1]], nil
}
