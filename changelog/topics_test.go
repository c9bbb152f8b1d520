package changelog_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/changelog"
)

var appTopics = []changelog.Topic{
	{Name: changelog.Name("app", "counts"), Partitions: 4, Kind: changelog.KeyValueChangelog, For: "sub-topology words"},
	{Name: changelog.Name("app", "daily"), Partitions: 4, Kind: changelog.WindowChangelog, For: "sub-topology words"},
	{Name: changelog.RepartitionName("app", "words"), Partitions: 7, Kind: changelog.Repartition},
}

func config(t *testing.T, cl *kgo.Client, topic string) map[string]string {
	t.Helper()
	rcs, err := kadm.NewClient(cl).DescribeTopicConfigs(context30(t), topic)
	if err != nil {
		t.Fatal(err)
	}
	cfg := map[string]string{}
	for _, c := range rcs[0].Configs {
		cfg[c.Key] = c.MaybeValue()
	}
	return cfg
}

// instances that start together create the topics once, with the configuration that keeps state.
func TestEnsureTopicsCreates(t *testing.T) {
	// Defaults of a broker that would delete state.
	c := cluster(t, kfake.NumBrokers(3), kfake.BrokerConfigs(map[string]string{"log.retention.bytes": "1000", "log.message.timestamp.type": "LogAppendTime"}))
	var wg sync.WaitGroup
	infos := make([]map[string]changelog.TopicInfo, 5)
	for i := range infos {
		cl := client(t, c)
		wg.Go(func() {
			var err error
			if infos[i], err = changelog.EnsureTopics(context30(t), cl, appTopics, 3); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	cl := client(t, c)
	have, err := kadm.NewClient(cl).ListTopics(context30(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range appTopics {
		d := have[want.Name]
		if len(d.Partitions) != int(want.Partitions) || len(d.Partitions[0].Replicas) != 3 {
			t.Errorf("%s: %d partitions, %d replicas", want.Name, len(d.Partitions), len(d.Partitions[0].Replicas))
		}
		for _, in := range infos {
			if got := in[want.Name]; got.ID != [16]byte(d.ID) || got.Partitions != want.Partitions || got.Name != want.Name ||
				(got.DeleteRetention != 24*time.Hour) != (want.Kind == changelog.Repartition) {
				t.Errorf("%s: %+v", want.Name, got)
			}
		}
	}
	for topic, want := range map[string]map[string]string{
		"app-counts-changelog":  {"cleanup.policy": "compact", "message.timestamp.type": "CreateTime", "retention.ms": "-1", "retention.bytes": "-1"},
		"app-daily-changelog":   {"cleanup.policy": "compact,delete", "message.timestamp.type": "CreateTime", "retention.ms": "-1", "retention.bytes": "-1"},
		"app-words-repartition": {"cleanup.policy": "delete", "message.timestamp.type": "CreateTime", "retention.ms": "-1", "retention.bytes": "-1"},
	} {
		cfg := config(t, cl, topic)
		for k, v := range want {
			if cfg[k] != v {
				t.Errorf("%s: %s=%s, want %s", topic, k, cfg[k], v)
			}
		}
	}
	if _, err := changelog.EnsureTopics(context30(t), cl, nil, 0); err != nil {
		t.Errorf("no topics: %v", err)
	}
}

// a broker that does not know an optional setting gets the topic without it.
func TestEnsureTopicsOldBroker(t *testing.T) {
	c := cluster(t)
	cl := client(t, c)
	refused := 0
	c.ControlKey(int16(kmsg.CreateTopics), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := kreq.(*kmsg.CreateTopicsRequest)
		resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
		for _, rt := range req.Topics {
			for _, cfg := range rt.Configs {
				if strings.HasPrefix(cfg.Name, "message.timestamp.after") {
					rt2 := kmsg.NewCreateTopicsResponseTopic()
					rt2.Topic, rt2.ErrorCode = rt.Topic, kerr.InvalidConfig.Code
					resp.Topics = append(resp.Topics, rt2)
					refused++
				}
			}
		}
		return resp, nil, len(resp.Topics) > 0
	})
	infos, err := changelog.EnsureTopics(context30(t), cl, appTopics, 0)
	if err != nil || len(infos) != 3 || refused != 3 {
		t.Errorf("%v, %d topics, %d refused", err, len(infos), refused)
	}
}

// what does not fit is listed at once, with both numbers and a way out, and nothing is changed.
func TestEnsureTopicsRefuses(t *testing.T) {
	c := cluster(t)
	cl := client(t, c)
	adm := kadm.NewClient(cl)
	create := func(name string, partitions int32, cfg map[string]string) {
		m := map[string]*string{}
		for k, v := range cfg {
			m[k] = kadm.StringPtr(v)
		}
		if _, err := adm.CreateTopic(context30(t), partitions, 1, m, name); err != nil {
			t.Fatal(err)
		}
	}
	create("app-grown-changelog", 4, map[string]string{"cleanup.policy": "compact"})
	create("app-plain-changelog", 7, nil)
	create("app-clock-changelog", 7, map[string]string{"cleanup.policy": "compact,delete", "retention.ms": "1000"})
	create("app-stamp-changelog", 7, map[string]string{"cleanup.policy": "compact", "message.timestamp.type": "LogAppendTime"})
	create("app-compacted-repartition", 7, map[string]string{"cleanup.policy": "compact"})
	create("app-few-repartition", 3, nil)
	create("app-fine-changelog", 7, map[string]string{"cleanup.policy": "compact", "retention.ms": "1000"})
	_, err := changelog.EnsureTopics(context30(t), cl, []changelog.Topic{
		{Name: "app-grown-changelog", Partitions: 7, Kind: changelog.KeyValueChangelog, For: "sub-topology words"},
		{Name: "app-plain-changelog", Partitions: 7, Kind: changelog.KeyValueChangelog},
		{Name: "app-clock-changelog", Partitions: 7, Kind: changelog.WindowChangelog},
		{Name: "app-stamp-changelog", Partitions: 7, Kind: changelog.WindowChangelog},
		{Name: "app-compacted-repartition", Partitions: 7, Kind: changelog.Repartition},
		{Name: "app-few-repartition", Partitions: 7, Kind: changelog.Repartition},
		{Name: "app-fine-changelog", Partitions: 7, Kind: changelog.WindowChangelog},
		{Name: "app-new-changelog", Partitions: 7, Kind: changelog.WindowChangelog},
	}, 0)
	var problems *changelog.TopicsError
	if !errors.As(err, &problems) {
		t.Fatalf("got %v", err)
	}
	t.Log(err)
	for _, want := range [][]string{
		{"app-grown-changelog", "4 partitions", "7 tasks of sub-topology words", "reset"},
		{"app-plain-changelog", "cleanup.policy=delete", "set cleanup.policy=compact"},
		{"app-clock-changelog", "retention.ms=1000", "set retention.ms=-1"},
		{"app-stamp-changelog", "LogAppendTime", "set message.timestamp.type=CreateTime"},
		{"app-compacted-repartition", "cleanup.policy=compact", "set cleanup.policy=delete"},
		{"app-few-repartition", "3 partitions", "asks for 7"},
	} {
		found := false
		for _, p := range problems.Problems {
			all := true
			for _, w := range want {
				all = all && strings.Contains(p, w)
			}
			found = found || all
		}
		if !found {
			t.Errorf("no problem says %q", want)
		}
	}
	if len(problems.Problems) != 6 {
		t.Errorf("%d problems", len(problems.Problems))
	}
}

// TestEnsureTopicsAwaitsLeaders: a broker that is named as the leader of a new partition may not
// know it for a while.
func TestEnsureTopicsAwaitsLeaders(t *testing.T) {
	c := cluster(t)
	cl := client(t, c)
	var asked atomic.Int32
	c.ControlKey(int16(kmsg.ListOffsets), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		asked.Add(1)
		return nil, nil, false
	})
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: appTopics[1].Name, Err: kerr.NotLeaderForPartition, Count: 3})
	if _, err := changelog.EnsureTopics(context30(t), cl, appTopics, 0); err != nil {
		t.Fatal(err)
	}
	if n := asked.Load(); n < 2 {
		t.Errorf("asked %d times: it did not wait", n)
	}
	n := asked.Load()
	if _, err := changelog.EnsureTopics(context30(t), cl, appTopics, 0); err != nil || asked.Load() != n {
		t.Errorf("nothing was created, and leaders were asked %d times: %v", asked.Load()-n, err)
	}
}

func TestEnsureTopicsBrokerErrors(t *testing.T) {
	c := cluster(t)
	cl := client(t, c)
	_, err := changelog.EnsureTopics(context30(t), cl, appTopics, 3) // one broker only
	var problems *changelog.TopicsError
	if !errors.As(err, &problems) || len(problems.Problems) != 3 || !strings.Contains(err.Error(), "replication factor 3") {
		t.Errorf("replication: %v", err)
	}
	h := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	if _, err = changelog.EnsureTopics(context30(t), cl, appTopics, 0); !errors.As(err, &problems) || len(problems.Problems) != 3 || !strings.Contains(err.Error(), "the right to") {
		t.Errorf("not allowed: %v", err)
	}
	h.Remove()
	h = c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.ThrottlingQuotaExceeded, Count: -1})
	if _, err = changelog.EnsureTopics(context30(t), cl, appTopics, 0); err == nil || errors.As(err, &problems) && len(problems.Problems) == 0 {
		t.Errorf("passing error: %v", err)
	}
	h.Remove()
	if _, err = changelog.EnsureTopics(context30(t), cl, appTopics, 0); err != nil {
		t.Error(err)
	}
}
