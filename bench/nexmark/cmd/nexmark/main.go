// Command nexmark loads the events of the Nexmark benchmark into a topic, and runs its queries on
// kolk.
//
//	nexmark load --brokers localhost:9092 --events 10000000 --partitions 8
//	nexmark run
//	nexmark run --queries q17,q18 --languages go,yaml --events 5000000
//
// run starts an embedded broker, loads the events, runs each query from the first event to the
// last, compares its results with what a plain loop makes of the same events, and prints how fast
// it was. The exit status is 1 if anything failed or a result was wrong, and 2 if the command line
// was.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == serveArg {
		os.Exit(status(os.Stderr, serve()))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(status(os.Stderr, command(ctx, os.Args[1:], os.Stdout, os.Stderr)))
}

const usage = `nexmark load: writes the events to a topic
nexmark run:  runs queries, verifies their results and prints how fast they were

nexmark load -help and nexmark run -help show the flags`

// usageError is a mistake on the command line.
type usageError struct{ error }

func command(ctx context.Context, args []string, out, progress io.Writer) error {
	name := ""
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	switch name {
	case "load":
		return loadCommand(ctx, args, progress)
	case "run":
		return runCommand(ctx, args, out, progress)
	case "", "help", "-h", "-help", "--help":
		_, err := fmt.Fprintln(out, usage)
		return err
	}
	return usageError{fmt.Errorf("there is no command %q\n%s", name, usage)}
}

// status says what went wrong, if anything, and returns the exit status.
func status(stderr io.Writer, err error) int {
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	default:
		fmt.Fprintln(stderr, "nexmark:", err)
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return 2
	}
	return 1
}

// parse reads flags, and takes no arguments besides.
func parse(fs *flag.FlagSet, args []string, stderr io.Writer) error {
	fs.SetOutput(stderr)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usageError{err}
	}
	if fs.NArg() > 0 {
		return usageError{fmt.Errorf("%q is not a flag", fs.Arg(0))}
	}
	return nil
}

// list splits at commas.
func list(text string) []string { return strings.Split(text, ",") }
