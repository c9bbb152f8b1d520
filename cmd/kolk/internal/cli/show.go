package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/term"

	"github.com/kolkstream/kolk/cmd/kolk/internal/config"
	"github.com/kolkstream/kolk/cmd/kolk/internal/view"
	"github.com/kolkstream/kolk/internal/wiretime"
	"github.com/kolkstream/kolk/topology/topoyaml"
)

// show is where the results of a run go, and what is said beside them.
type show struct {
	errors io.Writer // standard error, or the part of the terminal above the table
	print  func(view.Record) error
	flush  func() error
	close  func() error
	table  *view.Table // or nil
	serdes map[string]*topoyaml.Sink
}

func (a *app) show(c config.Config, file *topoyaml.File) *show {
	s := &show{errors: a.stderr, serdes: map[string]*topoyaml.Sink{}}
	for _, sink := range file.Sinks() {
		s.serdes[sink.Topic()] = sink
	}
	fd, terminal := isTerminal(a.stdout)
	switch {
	case c.Output == "none":
		s.print = func(view.Record) error { return nil }
		s.flush = func() error { return nil }
		s.close = s.flush
	case c.Output == "table" || c.Output == "auto" && terminal:
		screen := view.NewScreen(a.stdout, func() (int, int) {
			columns, rows, err := term.GetSize(fd)
			if err != nil {
				return 100, 40
			}
			return columns, rows
		})
		s.table = view.NewTable(screen, time.Now, sinks(file))
		s.print, s.flush, s.close = s.table.Print, s.table.Flush, s.table.Draw
		if _, both := isTerminal(a.stderr); both {
			s.errors = screen
			a.notes.to(screen) // what a signal says would move the table, so that it is drawn twice
		}
	default:
		lines := view.NewLines(a.stdout)
		s.print, s.flush, s.close = lines.Print, lines.Flush, lines.Flush
	}
	return s
}

// record shows one record of an output topic.
func (s *show) record(r *kgo.Record) error {
	sink := s.serdes[r.Topic]
	at, err := wiretime.Of(r)
	if err != nil {
		return fmt.Errorf("topic %s, partition %d, offset %d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	return s.print(view.Record{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: at,
		Key: view.JSON(sink.KeySerde(), r.Key), Value: view.JSON(sink.ValueSerde(), r.Value),
	})
}

// progress says now and then how far the run is, until stop is called: below the table, or in lines
// that get rarer.
func (s *show) progress(line func() string) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		every := time.NewTicker(100 * time.Millisecond)
		defer every.Stop()
		wait := 2 * time.Second
		next := time.Now().Add(wait)
		for {
			select {
			case <-done:
				return
			case now := <-every.C:
				if s.table != nil {
					s.table.SetStatus(line())
					_ = s.table.Flush() // the next record meets the same error
				} else if now.After(next) {
					io.WriteString(s.errors, line()+"\n")
					wait = min(2*wait, time.Minute)
					next = now.Add(wait)
				}
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
		if s.table != nil {
			s.table.SetStatus(line())
		}
	}
}

func isTerminal(w io.Writer) (fd int, ok bool) {
	f, ok := w.(*os.File)
	if !ok {
		return 0, false
	}
	return int(f.Fd()), term.IsTerminal(int(f.Fd()))
}
