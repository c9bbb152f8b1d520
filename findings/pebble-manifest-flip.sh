#!/bin/bash
# Pebble opens a database whose MANIFEST has a flipped bit without an error: the record with the bit, and
# all after it, count as a write that was torn by a crash. Tables that were flushed and synced long before are gone from the
# database, and reads say that their keys do not exist. (A flipped bit in a table is reported as corruption.)
# So positions of what a database holds have to be in the same database, written with the data.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module finding
go 1.24
require github.com/cockroachdb/pebble/v2 v2.1.7
MOD
cat > main.go <<'GO'
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func main() {
	dir := must(os.MkdirTemp(".", "db"))
	o := func() *pebble.Options { return &pebble.Options{DisableWAL: true, Logger: quiet{}} }
	db := must(pebble.Open(dir, o()))
	for _, key := range []string{"first", "second"} { // a table each
		if err := errors.Join(db.Set([]byte(key), []byte("value"), pebble.NoSync), db.Flush()); err != nil {
			panic(err)
		}
	}
	if err := db.Close(); err != nil {
		panic(err)
	}
	manifest := must(filepath.Glob(filepath.Join(dir, "MANIFEST-*")))[0]
	b := must(os.ReadFile(manifest))
	b[len(b)-20] ^= 1 // in the last record
	if err := os.WriteFile(manifest, b, 0o644); err != nil {
		panic(err)
	}
	db, err := pebble.Open(dir, o())
	fmt.Println("open:", err)
	if err != nil {
		os.Exit(1)
	}
	found := 0
	for _, key := range []string{"first", "second"} {
		_, closer, err := db.Get([]byte(key))
		fmt.Printf("get %s: %v\n", key, err)
		if err == nil {
			found++
			closer.Close()
		} else if !errors.Is(err, pebble.ErrNotFound) {
			os.Exit(1)
		}
	}
	if err := db.Close(); err != nil || found == 2 {
		fmt.Println("close:", err, "found:", found)
		os.Exit(1)
	}
}

type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }
GO
export GOTOOLCHAIN=auto GOFLAGS=-mod=mod GOMODCACHE="${GOMODCACHE:-$(go env GOMODCACHE)}"
echo "pebble $(go list -m -f '{{.Version}}' github.com/cockroachdb/pebble/v2)"
go run .
