//go:build !kafka

package e2e

import (
	"testing"
)

// brokerName names the broker of this build of the suite.
const brokerName = "kfake"

func runTests(m *testing.M) int { return m.Run() }

// startBroker returns a broker for one test.
func startBroker(t *testing.T) Broker { return startFake(t) }

// startBrokerProcess returns a broker that the test may kill and restart.
func startBrokerProcess(t *testing.T) Broker { return startFakeProcess(t) }
