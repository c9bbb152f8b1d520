package topoyaml

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
)

// pattern compiles a regular expression that stands in the file. There are as many as the file has, so all are kept.
func (l *library) pattern(text string) error {
	re, err := regexp.Compile(text)
	if err != nil {
		if e, ok := errors.AsType[*syntax.Error](err); ok {
			err = errors.New(e.Code.String())
		}
		return fmt.Errorf("%q is no regular expression: %w", text, err)
	}
	l.patterns.Store(text, re)
	return nil
}

func (l *library) extract(args ...any) (any, error) {
	text, ok := args[0].(string)
	if !ok {
		return nil, fmt.Errorf("extract needs a string, not %s", kindOf(args[0]))
	}
	p, ok := l.patterns.Load(args[1])
	if !ok {
		return nil, fmt.Errorf("extract does not know the pattern %v", args[1])
	}
	re, group := p.(*regexp.Regexp), int64(0)
	if len(args) > 2 {
		switch n := args[2].(type) {
		case int:
			group = int64(n)
		case int64:
			group = n
		default:
			return nil, fmt.Errorf("extract needs the number of a group, not %s", kindOf(n))
		}
	}
	if group < 0 || group > int64(re.NumSubexp()) {
		return nil, fmt.Errorf("there is no group %d in %q, which has %d", group, re, re.NumSubexp())
	}
	found := re.FindStringSubmatchIndex(text)
	if found == nil || found[2*group] < 0 {
		return nil, nil
	}
	return text[found[2*group]:found[2*group+1]], nil
}
