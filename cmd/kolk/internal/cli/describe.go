package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kolkstream/kolk/topology/topoyaml"
	"github.com/kolkstream/kolk/topology/topoyaml/testfile"
)

func (a *app) validateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate FILE...",
		Short: "Check topology files",
		Args:  cobra.MinimumNArgs(1),
	}
	list := cmd.Flags().StringSlice("functions", nil, "names of the Go functions of process steps, or @FILE with one a line: the program that runs the topology has them")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		functions, err := names(*list)
		if err != nil {
			return usage(err)
		}
		var failed error
		for _, path := range args {
			file, err := readTopology(path, functions...)
			if err != nil {
				if failed != nil {
					fmt.Fprintln(a.stderr, failed)
				}
				failed = err
				continue
			}
			fmt.Fprintf(a.stdout, "%s: ok: topology %s, %s\n", path, file.Plan().Name(), plural(len(file.Plan().Describe().SubTopologies), "sub-topology", "sub-topologies"))
		}
		return failed
	}
	return cmd
}

// names are those of a list, in which @FILE stands for the lines of a file.
func names(list []string) ([]string, error) {
	var all []string
	for _, one := range list {
		path, ok := strings.CutPrefix(one, "@")
		if !ok {
			all = append(all, strings.TrimSpace(one))
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("--functions: %w", err)
		}
		all = append(all, strings.Fields(string(data))...)
	}
	return all, nil
}

func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

func (a *app) schemaCommand() *cobra.Command {
	schema := func(use, short string, text func() []byte) *cobra.Command {
		return &cobra.Command{
			Use:   use,
			Short: short,
			Args:  cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				_, err := a.stdout.Write(text())
				return err
			},
		}
	}
	cmd := schema("schema", "Print the JSON Schema of topology files, for editors", topoyaml.Schema)
	cmd.AddCommand(schema("test", "Print the JSON Schema of files of tests, for editors", testfile.Schema))
	return cmd
}

func (a *app) describeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "describe FILE",
		Short: "Print the nodes, stores, topics and sub-topologies of a topology",
		Args:  cobra.ExactArgs(1),
	}
	format := cmd.Flags().StringP("output", "o", "text", "form: text, json, dot (for Graphviz)")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		file, err := readTopology(args[0])
		if err != nil {
			return err
		}
		d := file.Plan().Describe()
		var text string
		switch *format {
		case "text":
			text = d.String()
		case "json":
			text = string(d.JSON())
		case "dot":
			text = d.DOT()
		default:
			return usage(fmt.Errorf("output: %q is none of text, json, dot", *format))
		}
		if n := len(text); n > 0 && text[n-1] != '\n' {
			text += "\n"
		}
		_, err = fmt.Fprint(a.stdout, text)
		return err
	}
	return cmd
}
