package config

import (
	"bytes"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
	"go.yaml.in/yaml/v3"
)

// entry is a key of a file, as it is written there.
type entry struct {
	key string
	value
}

// readFile returns the keys of a file in order. They are not looked at: a key may be unknown or
// there twice.
func readFile(path string) ([]entry, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("configuration file %s does not exist", path)
	} else if err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	f := file{path: path, data: data}
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".yaml", ".yml":
		err = f.yaml()
	case ".json":
		err = f.json()
	case ".toml":
		err = f.toml()
	default:
		return nil, fmt.Errorf("configuration file %s: unknown format %q: want .yaml, .yml, .json or .toml", path, ext)
	}
	return f.entries, err
}

type file struct {
	path    string
	data    []byte
	entries []entry
}

func (f *file) add(line int, key string, form form, texts ...string) {
	f.entries = append(f.entries, entry{key, value{place: fmt.Sprintf("%s:%d", f.path, line), form: form, texts: texts}})
}

func (f *file) wrong(line int, format string, args ...any) error {
	return &Error{Place: fmt.Sprintf("%s:%d", f.path, line), Message: fmt.Sprintf(format, args...)}
}

// lineAt is the line of a byte.
func (f *file) lineAt(offset int) int {
	return 1 + bytes.Count(f.data[:min(offset, len(f.data))], []byte("\n"))
}

func (f *file) yaml() error {
	d := yaml.NewDecoder(bytes.NewReader(f.data))
	var doc, second yaml.Node
	if err := d.Decode(&doc); errors.Is(err, io.EOF) {
		return nil // empty
	} else if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	if err := d.Decode(&second); err == nil {
		return f.wrong(second.Line, "a second document")
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	root := doc.Content[0]
	if root.ShortTag() == "!!null" {
		return nil // comments alone
	}
	if root.Kind != yaml.MappingNode {
		return f.wrong(root.Line, "want keys and their values")
	}
	for i := 0; i < len(root.Content); i += 2 {
		form, texts := yamlValue(root.Content[i+1])
		f.add(root.Content[i].Line, root.Content[i].Value, form, texts...)
	}
	return nil
}

func yamlValue(n *yaml.Node) (form, []string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.ScalarNode:
		switch n.ShortTag() {
		case "!!int", "!!float":
			return isNumber, []string{n.Value}
		case "!!bool":
			return isBool, []string{strings.ToLower(n.Value)}
		case "!!null":
			return isNothing, nil
		default:
			return isText, []string{n.Value}
		}
	case yaml.SequenceNode:
		var texts []string
		for _, e := range n.Content {
			form, text := yamlValue(e)
			if form != isText {
				return isOther, nil
			}
			texts = append(texts, text...)
		}
		return isList, texts
	}
	return isOther, nil
}

func (f *file) json() error {
	d := jsontext.NewDecoder(bytes.NewReader(f.data), jsontext.AllowDuplicateNames(true))
	fail := func(err error) error {
		var syntax *jsontext.SyntacticError
		if errors.As(err, &syntax) {
			return f.wrong(f.lineAt(int(syntax.ByteOffset)), "%v", syntax)
		}
		return f.wrong(f.lineAt(len(f.data)), "%v", err)
	}
	if kind := d.PeekKind(); kind != jsontext.KindBeginObject && kind != jsontext.KindInvalid {
		return f.wrong(1, "want an object of keys and their values")
	}
	if _, err := d.ReadToken(); err != nil {
		return fail(err)
	}
	for d.PeekKind() == jsontext.KindString {
		key, err := d.ReadToken()
		if err != nil {
			return fail(err)
		}
		name, line := key.String(), f.lineAt(int(d.InputOffset()))
		val, err := d.ReadValue()
		if err != nil {
			return fail(err)
		}
		form, texts := jsonValue(val)
		f.add(line, name, form, texts...)
	}
	if _, err := d.ReadToken(); err != nil { // the end of the object
		return fail(err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return f.wrong(f.lineAt(int(d.InputOffset())), "there is more after the object")
	}
	return nil
}

func jsonValue(v jsontext.Value) (form, []string) {
	switch v.Kind() {
	case jsontext.KindString:
		text, err := jsontext.AppendUnquote(nil, v)
		if err != nil {
			return isOther, nil
		}
		return isText, []string{string(text)}
	case jsontext.KindNumber:
		return isNumber, []string{string(v)}
	case jsontext.KindTrue, jsontext.KindFalse:
		return isBool, []string{string(v)}
	case jsontext.KindNull:
		return isNothing, nil
	case jsontext.KindBeginArray:
		d := jsontext.NewDecoder(bytes.NewReader(v))
		if _, err := d.ReadToken(); err != nil {
			return isOther, nil
		}
		var texts []string
		for d.PeekKind() == jsontext.KindString {
			t, err := d.ReadToken()
			if err != nil {
				return isOther, nil
			}
			texts = append(texts, t.String())
		}
		if d.PeekKind() == jsontext.KindEndArray {
			return isList, texts
		}
	}
	return isOther, nil
}

func (f *file) toml() error {
	// to know whether it is right: where things stand only the parser below says
	var all map[string]any
	wrong := toml.Unmarshal(f.data, &all)
	var at *toml.DecodeError
	if errors.As(wrong, &at) {
		line, _ := at.Position()
		return f.wrong(line, "%v", at)
	}
	seen := map[string]bool{}
	var p unstable.Parser
	p.Reset(f.data)
	table := ""
	for p.NextExpression() {
		e := p.Expression()
		var parts []string
		line := 1
		if e.Kind == unstable.Comment {
			continue
		}
		for it := e.Key(); it.Next(); {
			parts = append(parts, string(it.Node().Data))
			line = p.Shape(it.Node().Raw).Start.Line
		}
		key := strings.Join(parts, ".")
		if seen[key] {
			wrong = nil // it is found again, by key
		}
		seen[key] = true
		if e.Kind != unstable.KeyValue {
			table = key + "."
			f.add(line, key, isOther)
			continue
		}
		if table != "" {
			continue // the table has been named
		}
		form, texts := tomlValue(e.Value())
		f.add(line, key, form, texts...)
	}
	if wrong != nil {
		return fmt.Errorf("%s: %w", f.path, wrong)
	}
	return p.Error()
}

func tomlValue(n *unstable.Node) (form, []string) {
	switch n.Kind {
	case unstable.String:
		return isText, []string{string(n.Data)}
	case unstable.Integer, unstable.Float:
		return isNumber, []string{string(n.Data)}
	case unstable.Bool:
		return isBool, []string{string(n.Data)}
	case unstable.Array:
		var texts []string
		for it := n.Children(); it.Next(); {
			if it.Node().Kind != unstable.String {
				return isOther, nil
			}
			texts = append(texts, string(it.Node().Data))
		}
		return isList, texts
	}
	return isOther, nil
}
