// Command flame draws CPU profiles as flame graphs: plain SVG, from root to leaf downwards, of which every box names a function and its share.
//
//	flame -o docs/profiles /tmp/profiles/count.cpu.prof ...
//
// NAME.cpu.prof becomes NAME.svg; standard output gets a table of what belongs to whom. It needs nothing but the profile, and draws the same picture for the same profile.
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
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		p, err := parseProfile(data)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		title := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(name), ".prof"), ".cpu")
		root := p.tree()
		shares := ownShares(root)
		svg := draw(title, root, shares, *least)
		if err := os.WriteFile(filepath.Join(*dir, title+".svg"), svg, 0o644); err != nil {
			return err
		}
		row := "| [" + title + "](profiles/" + title + ".svg) |"
		for _, s := range shares {
			row += fmt.Sprintf(" %.0f %% |", 100*s)
		}
		fmt.Fprintln(out, row)
	}
	return nil
}
