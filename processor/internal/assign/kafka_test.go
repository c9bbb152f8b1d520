//go:build kafka

package assign

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// the same on the broker that KAFKA_BOOTSTRAP names.
func TestKafkaClients(t *testing.T) {
	addr := os.Getenv("KAFKA_BOOTSTRAP")
	if addr == "" {
		t.Fatal("set KAFKA_BOOTSTRAP to the address of a broker")
	}
	testClients(t, fmt.Sprintf("assign-%x", rand.Uint64()), strings.Split(addr, ","))
}
