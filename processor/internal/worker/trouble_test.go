package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestWhyASessionFailed: "thrown out" is said of what the group has decided, not of brokers that do
// not answer.
func TestWhyASessionFailed(t *testing.T) {
	for _, tt := range []struct {
		err    error
		thrown bool
	}{
		{kerr.UnknownMemberID, true},
		{kerr.IllegalGeneration, true},
		{fmt.Errorf("heartbeat: %w", kerr.FencedMemberEpoch), true},
		{kerr.CoordinatorNotAvailable, false},
		{kerr.NotCoordinator, false},
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, false},
		{io.EOF, false},
		{errors.New("unable to join the group"), false},
	} {
		var b bytes.Buffer
		s := &session{Worker: &Worker{log: slog.New(slog.NewTextHandler(&b, nil))}, ctx: context.Background(), lost: 3}
		if err := s.fetchError("", 0, &kgo.ErrGroupSession{Err: tt.err}); err != nil {
			t.Errorf("%v ends the worker: %v", tt.err, err)
		}
		line := b.String()
		if thrown := strings.Contains(line, "thrown out of the group"); thrown != tt.thrown || strings.Count(line, "\n") != 1 || !strings.Contains(line, "=3 err=") {
			t.Errorf("%v: %s", tt.err, line)
		}
	}
}
