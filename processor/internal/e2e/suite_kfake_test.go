//go:build !kafka

package e2e

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// brokerName names the broker of this build of the suite.
const brokerName = "kfake"

func runTests(m *testing.M) int { return m.Run() }

// clientOptions are those of the applications. kfake forgets which transactions were aborted when
// it cuts an answer short: there is room for every partition. The application sees to that where it
// knows kfake by its cluster id; here it is to take it for Apache Kafka, for whose changelogs and
// purges there are tests.
func clientOptions() []kgo.Opt { return append(compression(), kgo.FetchMaxBytes(64<<20)) }

// startBroker returns a broker for one test.
func startBroker(t *testing.T) Broker { return startFake(t) }

// startBrokerProcess returns a broker that the test may kill and restart.
func startBrokerProcess(t *testing.T) Broker { return startFakeProcess(t) }
