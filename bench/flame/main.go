// Command flame draws CPU profiles as flame graphs: plain SVG, from root to leaf downwards, of
// which every box names a function and its share.
//
//	flame -o bin/profiles /tmp/profiles/count.cpu.prof ...
//
// NAME.cpu.prof becomes NAME.svg; standard output gets a table of what belongs to whom, for
// docs/performance.md. It draws the same picture for the same profile.
//
// The pictures are drawn here because those of go tool pprof know no owners.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "flame:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("flame", flag.ContinueOnError)
	dir := fs.String("o", ".", "directory for the pictures")
	least := fs.Float64("least", 0.004, "smallest share that is drawn")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return errors.New("which profiles?")
	}
	head, line := "| |", "|---|"
	for _, o := range owners {
		head, line = head+" "+o.name+" |", line+"---|"
	}
	fmt.Fprintln(out, head+"\n"+line)
	for _, name := range fs.Args() {
		root, err := open(name)
		if err != nil {
			return err
		}
		title := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(name), ".prof"), ".cpu")
		shares := ownShares(root)
		svg := draw(title, root, shares, *least)
		if err := os.WriteFile(filepath.Join(*dir, title+".svg"), svg, 0o644); err != nil {
			return err
		}
		row := "| " + title + " |"
		for _, s := range shares {
			row += fmt.Sprintf(" %.0f %% |", 100*s)
		}
		fmt.Fprintln(out, row)
	}
	return nil
}

func open(name string) (*node, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	root, err := readProfile(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return root, nil
}
