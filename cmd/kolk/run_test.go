package main_test

import (
	"context"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// cluster is a broker with topics of one partition.
func cluster(t *testing.T, topics ...string) string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topics...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()[0]
}

func produce(t *testing.T, addr, topic string, values ...string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, v := range values {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRunWithoutTopics(t *testing.T) {
	t.Parallel()
	code, _, stderr := run(t, "run", path(t, "words.yaml"), "--brokers", cluster(t, "counted"))
	if code != 1 || !strings.Contains(stderr, "words") || strings.Contains(stderr, "kolk: counted") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	message := stderr[strings.Index(stderr, "kolk: "):]
	if !strings.Contains(message, "words") || strings.Count(strings.TrimSpace(message), "\n") > 2 {
		t.Errorf("the message:\n%s", message)
	}
}

func TestRunOverBadRecord(t *testing.T) {
	t.Parallel()
	addr := cluster(t, "words", "counted")
	// The time is computed from the value, so it is decoded.
	produce(t, addr, "words", `{"word":"a","at":1}`, `oops`, `{"word":"a","at":2}`)
	args := []string{"run", path(t, "words.yaml"), "--brokers", addr, "--until-end"}
	code, _, stderr := run(t, args...)
	message := stderr[strings.Index(stderr, "kolk: "):]
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"words/0", "offset 1", "invalid character 'o'"} {
		if !strings.Contains(message, want) {
			t.Errorf("%q is not in the message:\n%s", want, message)
		}
	}
	code, _, stderr = run(t, append(args, "--on-error", "skip")...)
	if code != 0 || !strings.Contains(stderr, "words: 3 records in, 2 out") || !strings.Contains(stderr, "dropped: 1 at ") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

func TestRunUntilEndIsInterrupted(t *testing.T) {
	t.Parallel()
	// A broker that is there, and says nothing.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	p := start(t, nil, "run", path(t, "words.yaml"), "--brokers", ln.Addr().String(), "--until-end")
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p.signal(os.Interrupt)
	if code := p.wait(); code != 130 || !strings.Contains(p.stderr.String(), "kolk: interrupted before the end") {
		t.Errorf("exit code %d\n%s", code, p.stderr)
	}
}

func TestRunWaitsForBroker(t *testing.T) {
	t.Parallel()
	// An address where nobody listens.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	p := start(t, nil, "run", path(t, "words.yaml"), "--brokers", addr)
	p.stderr.find(t, "waiting", 1)
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.stderr)
	}
}

func TestLoadIsInterrupted(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	p := start(t, nil, "load", path(t, "words.yaml"), "--brokers", addr, "--data", "words="+words(t, "a"))
	p.stderr.find(t, "waiting for a broker at "+addr, 1)
	p.signal(os.Interrupt)
	if code := p.wait(); code != 130 || !strings.HasSuffix(p.stderr.String(), "kolk: interrupted\n") {
		t.Errorf("exit code %d\n%s", code, p.stderr)
	}
}

// What an operator should know is in the log, one line each.
func TestRunLogs(t *testing.T) {
	t.Parallel()
	addr := cluster(t, "words", "counted")
	produce(t, addr, "words", `{"word":"a","at":1}`, `{"word":"a","at":2}`)
	code, _, stderr := run(t, "run", path(t, "words.yaml"), "--brokers", addr, "--until-end", "--workers", "1", "--idle-after", "never")
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	for _, want := range []string{
		`level=INFO msg=started .*topology=words .*application=words brokers=` + addr + ` workers=1 .*settings.UntilEnd=true settings.IdleAfter=never`,
		`level=INFO msg=tasks worker=0 running=1 gained=words/0`,
		`level=INFO msg=tasks worker=0 running=0 lost=words/0`,
		`level=INFO msg=stopped in=2 out=2 late=0 dropped=0 commits=\d+ aborts=0 restored=0 tasks=0`,
	} {
		if !regexp.MustCompile(want).MatchString(stderr) {
			t.Errorf("%q is not in\n%s", want, stderr)
		}
	}
	produce(t, addr, "words", `oops`)
	code, _, stderr = run(t, "run", path(t, "words.yaml"), "--brokers", addr, "--until-end")
	if code != 1 || strings.Count(stderr, "level=ERROR msg=failed err=") != 1 || !strings.Contains(stderr, "level=INFO msg=failed in=0") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}
