package functions

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// zoneData is the IANA time zone database, as Go's distribution has it. It is part of the program,
// so that a result depends neither on the host's files nor on the environment. `make zones`
// replaces it; ZonesVersion says which one it is.
//
//go:embed zones/zoneinfo.zip
var zoneData []byte

// ZonesVersion is the version of the time zones.
const ZonesVersion = "2026c"

// zones are those that have been asked for.
type zones struct {
	loaded sync.Map // name -> *time.Location
	files  sync.Once
	byName map[string]*zip.File
}

// zone returns the time zone of that name.
func (z *zones) zone(v Value) (*time.Location, error) {
	if v == Absent {
		return time.UTC, nil
	}
	name, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("a time zone is a string, not %s", value.Kind(v))
	}
	if l, ok := z.loaded.Load(name); ok {
		return l.(*time.Location), nil
	}
	l, err := z.load(name)
	if err != nil {
		return nil, err
	}
	z.loaded.Store(name, l) // at most as many as there are
	return l, nil
}

func (z *zones) load(name string) (*time.Location, error) {
	z.files.Do(func() {
		z.byName = map[string]*zip.File{}
		archive, err := zip.NewReader(bytes.NewReader(zoneData), int64(len(zoneData)))
		if err != nil {
			return // a test looks at it
		}
		for _, f := range archive.File {
			z.byName[f.Name] = f
		}
	})
	if name == "Local" {
		return nil, fmt.Errorf(`the time zone "Local" is that of the machine, which differs; write one like UTC or Europe/Berlin`)
	}
	file, ok := z.byName[name]
	if !ok || strings.HasSuffix(name, "/") {
		return nil, fmt.Errorf("there is no time zone %q%s; write one like UTC or Europe/Berlin", name, z.nearest(name))
	}
	r, err := file.Open()
	if err != nil {
		return nil, fmt.Errorf("the time zone %q: %w", name, err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("the time zone %q: %w", name, err)
	}
	l, err := time.LoadLocationFromTZData(name, data)
	if err != nil {
		return nil, fmt.Errorf("the time zone %q: %w", name, err)
	}
	return l, nil
}

// nearest finds the name that differs in case alone.
func (z *zones) nearest(name string) string {
	for known := range z.byName {
		if known != name && strings.EqualFold(known, name) {
			return fmt.Sprintf(", but %q", known)
		}
	}
	return ""
}

// Zone returns the time zone of that name, of those that are part of the program.
func Zone(name string) (*time.Location, error) { return new(zones).load(name) }
