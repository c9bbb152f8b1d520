package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE...",
		Short: "Check topology files",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			var failed error
			for _, path := range args {
				file, err := readTopology(path)
				if err != nil {
					if failed != nil {
						fmt.Fprintln(a.stderr, failed)
					}
					failed = err
					continue
				}
				fmt.Fprintf(a.stdout, "%s: ok: topology %s, %d sub-topologies\n", path, file.Plan().Name(), len(file.Plan().SubTopologies()))
			}
			return failed
		},
	}
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
