package changelog

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestGate compares gates with Kafka's rules, written down one by one (LogValidator, 4.4.0).
func TestGate(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	for range 200 {
		now := int64(1_700_000_000_000)
		config := map[string]string{}
		set := func(key string, of ...string) {
			if v := pick(of...); v != "" {
				config[key] = v
			}
		}
		set(maxMessageBytes, "", "200", "1048588")
		set(timestampType, "", "CreateTime", "LogAppendTime")
		set(timestampBefore, "", "9223372036854775807", "1000")
		set(timestampAfter, "", "9223372036854775807", "3600000", "0")
		set(cleanupPolicy, "", "delete", "compact", "compact,delete")
		set(retention, "", "-1", "5000")
		l := NewLimits("t", config, func() time.Time { return time.UnixMilli(now) })
		g := NewGate(l, 0)
		told := false
		for range 50 {
			now += r.Int64N(3000)
			key, value := []byte(pick("", "k")), make([]byte, r.IntN(150))
			if r.IntN(4) == 0 {
				key = nil
			}
			var headers []kgo.RecordHeader
			if r.IntN(4) == 0 {
				headers = append(headers, kgo.RecordHeader{Key: "h", Value: make([]byte, r.IntN(60))})
			}
			at := now + r.Int64N(12_000_000) - 6_000_000
			if r.IntN(3) == 0 {
				at = now + r.Int64N(4000) - 2000
			}

			size := overhead + len(key) + len(value)
			for _, h := range headers {
				size += 10 + len(h.Key) + len(h.Value)
			}
			number := func(key string, otherwise int64) int64 {
				switch config[key] {
				case "200":
					return 200
				case "1000":
					return 1000
				case "3600000":
					return 3_600_000
				case "0":
					return 0
				}
				return otherwise
			}
			stamped := config[timestampType] != "LogAppendTime"
			compacted := config[cleanupPolicy] == "compact" || config[cleanupPolicy] == "compact,delete"
			want := ""
			switch {
			case int64(size) > number(maxMessageBytes, 1<<40):
				want = maxMessageBytes
			case key == nil && compacted:
				want = cleanupPolicy
			case stamped && at-now > number(timestampAfter, forever):
				want = timestampAfter
			case stamped && now-at > number(timestampBefore, forever):
				want = timestampBefore
			}
			got := ""
			if err := g.Check(key, value, at, headers); err != nil {
				var refused *RefusedError
				if !errors.As(err, &refused) {
					t.Fatalf("%T: %v", err, err)
				}
				got = refused.Setting
			}
			if got != want {
				t.Fatalf("%v at %d: message of %d bytes, key %q, timestamp %d: refused by %q, want %q", config, now, size, key, at, got, want)
			}

			deleted := config[cleanupPolicy] == "delete" || config[cleanupPolicy] == "compact,delete"
			outlived := !told && deleted && stamped && config[retention] == "5000" && at < now-5000
			if got := g.Outlived(at, now); got != outlived {
				t.Fatalf("%v at %d: timestamp %d: outlived %v, want %v", config, now, at, got, outlived)
			}
			told = told || outlived
		}
	}
	none := NewGate(nil, 0)
	if err := none.Check(nil, make([]byte, 1<<20), -5, nil); err != nil || none.Outlived(0, 1) {
		t.Error("without limits everything is taken", err)
	}
}
