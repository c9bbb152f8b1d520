// Package cli holds the commands of kolk.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kolkstream/kolk/cmd/kolk/internal/config"
)

// Exit codes. docs/COMMAND-LINE.md lists them.
const (
	exitOK          = 0
	exitFailed      = 1   // while it ran, or a test
	exitUsage       = 2   // command line or configuration
	exitTopology    = 3   // the topology file, or the file of tests
	exitInterrupted = 130 // before a load or a bounded run had ended, or by a second signal
)

// exitError is an error with an exit code of its own. Others mean exitFailed.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usage marks a mistake in the command line or the configuration.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitUsage, err}
}

// app is one invocation.
type app struct {
	stdout, stderr io.Writer
	notes          *notes // stderr, or the part of the terminal above a table
	configFile     string
	started        bool // a command was found and its arguments are right
}

// Main runs the command line and returns the exit code. Mistakes are one message on stderr.
func Main(args []string, stdout, stderr io.Writer) int {
	a := &app{stdout: stdout, stderr: stderr, notes: &notes{w: stderr}}
	root := a.root()
	root.SetArgs(args)
	ctx, stop := signals(context.Background(), a.notes)
	defer stop()
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	code := exitFailed
	var of *exitError
	switch {
	case errors.As(err, &of):
		code = of.code
	case !a.started:
		code = exitUsage
	case errors.Is(err, errSignal):
		code = exitInterrupted
	}
	if code == exitTopology {
		fmt.Fprintln(stderr, err) // file:line:column first, for editors
		return code
	}
	fmt.Fprintf(stderr, "kolk: %s\n", strings.ReplaceAll(err.Error(), "\n", "\n      "))
	if code == exitUsage {
		fmt.Fprintf(stderr, "See '%s --help'.\n", cmd.CommandPath())
	}
	return code
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "kolk",
		Short:         "Stream processing on Kafka, from topologies in YAML",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
		PersistentPreRun: func(*cobra.Command, []string) { a.started = true },
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.PersistentFlags().StringVar(&a.configFile, "config", "", "configuration file (YAML, JSON or TOML)")
	root.AddCommand(a.devCommand(), a.runCommand(), a.loadCommand(), a.testCommand(), a.validateCommand(), a.describeCommand(), a.schemaCommand(), a.versionCommand(), a.brokerCommand())
	return root
}

// read reads the configuration of a command.
func (a *app) read(cmd *cobra.Command) (config.Config, error) {
	c, err := config.Read(cmd.Flags(), a.configFile)
	return c, usage(err)
}

// logger writes log lines to w.
func logger(c config.Log, w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
