// Command kolk runs stream processing topologies that are written in YAML. docs/COMMAND-LINE.md
// describes it.
package main

import (
	"os"

	"github.com/kolkstream/kolk/cmd/kolk/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
}
