// Command functions runs topology.yaml, of which two steps are Go functions: a filter and a mapper.
//
//	go run ./examples/functions --brokers localhost:9092
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml"
)

//go:embed topology.yaml
var file []byte

func main() {
	brokers := flag.String("brokers", "localhost:9092", "addresses of brokers, separated by commas")
	untilEnd := flag.Bool("until-end", false, "process what is there, and exit")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, processor.Config{Brokers: strings.Split(*brokers, ","), UntilEnd: *untilEnd}); err != nil {
		fmt.Fprintln(os.Stderr, "functions:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cfg processor.Config) error {
	p, err := plan()
	if err != nil {
		return err
	}
	app, err := processor.New(p, cfg)
	if err != nil {
		return err
	}
	return app.Run(ctx)
}

// plan reads the file with the functions that it names.
func plan() (*topology.Plan, error) {
	functions, err := registry()
	if err != nil {
		return nil, err
	}
	loaded, err := topoyaml.Load("topology.yaml", file, topoyaml.Options{Lookup: os.LookupEnv, Registry: functions})
	if err != nil {
		return nil, err
	}
	return loaded.Plan(), nil
}

// registry has the functions by their names in the file.
func registry() (*topoyaml.Registry, error) {
	functions := topoyaml.NewRegistry()
	return functions, errors.Join(
		topoyaml.RegisterFilter(functions, "valid-card", validCard),
		topoyaml.RegisterMapper(functions, "issuer", withIssuer),
	)
}

type payment struct {
	Card   string  `json:"card"`
	Amount float64 `json:"amount"`
	Issuer string  `json:"issuer,omitempty"`
}

// validCard reports whether the last digit of the card's number is right (ISO/IEC 7812).
func validCard(_ context.Context, p payment) (bool, error) {
	sum := 0
	for i := range len(p.Card) {
		d := int(p.Card[len(p.Card)-1-i] - '0')
		if d < 0 || d > 9 {
			return false, nil
		}
		if i%2 == 1 {
			d *= 2
		}
		sum += d/10 + d%10
	}
	return p.Card != "" && sum%10 == 0, nil
}

// withIssuer adds who has issued the card. An error is one of the record: the error policy decides.
func withIssuer(_ context.Context, p payment) (payment, error) {
	switch p.Card[0] {
	case '4':
		p.Issuer = "Visa"
	case '5':
		p.Issuer = "Mastercard"
	default:
		return p, fmt.Errorf("cards that begin with %c have no known issuer", p.Card[0])
	}
	return p, nil
}
