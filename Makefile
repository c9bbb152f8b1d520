# One command each, on a machine with Go 1.21 or newer: the toolchain that go.mod asks for is fetched by Go itself.
export GOTOOLCHAIN := auto
SHELL := /bin/bash

# The race detector needs a C compiler. Without one the tests run all the same, and say so.
RACE := $(shell [ "$$(go env CGO_ENABLED)" = 1 ] && command -v "$$(go env CC)" >/dev/null 2>&1 && echo -race)

FLIGHTS := examples/flights
QUAKES := examples/earthquakes
E2E := ./processor/internal/e2e
ON_KAFKA := $(E2E) ./changelog ./processor/internal/assign
WORKLOADS := passthrough,count,count-nocache,table,window-count,window-final,session-count,join-table,join-stream,rekey-count

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: ## 20,000 flights become delay statistics per state and day: 3,340 results on standard output
	@go run ./cmd/kolk dev $(FLIGHTS)/topology.yaml --data flights=$(FLIGHTS)/data/flights-20k.jsonl.gz \
		--data airports=$(FLIGHTS)/data/airports.csv --until-end --fresh

.PHONY: demo-quakes
demo-quakes: ## 1,707 earthquakes, out of order by up to a week, per network and six hours
	@go run ./cmd/kolk dev $(QUAKES)/topology.yaml --data earthquakes=$(QUAKES)/data/earthquakes.jsonl.gz \
		--partitions 1 --until-end --fresh

.PHONY: compare-flights
compare-flights: ## The flights job as a Kafka Streams application and in kolk: the same results; Java 17 and Maven
	bash examples/flights/kafka-streams/compare.sh

.PHONY: build
build: ## bin/kolk, a static binary
	CGO_ENABLED=0 go build -trimpath -o bin/kolk ./cmd/kolk

.PHONY: check
check: check-fmt check-tidy vet staticcheck vulncheck ## What is looked at without running a test: the next five

.PHONY: check-fmt
check-fmt: ## Formatting, by the toolchain of go.mod
	@wrong=$$("$$(go env GOROOT)/bin/gofmt" -l .) && [ -z "$$wrong" ] || { echo "make fmt would change: $$wrong" >&2; exit 1; }

.PHONY: check-tidy
check-tidy: ## go.mod and go.sum have what is needed, and nothing else
	go mod tidy -diff

.PHONY: vet
vet: ## go vet, with the tests that need Apache Kafka
	go vet ./...
	go vet -tags kafka $(ON_KAFKA)

# Tools are built by the toolchain of go.mod, whatever they ask for themselves: only that one reads this module.
TOOL = GOTOOLCHAIN=$$(go env GOVERSION) go run

.PHONY: staticcheck
staticcheck: ## staticcheck, with the tests that need Apache Kafka
	$(TOOL) honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	$(TOOL) honnef.co/go/tools/cmd/staticcheck@v0.8.2 -tags kafka -checks inherit,-U1000 $(ON_KAFKA)

.PHONY: vulncheck
vulncheck: ## Known vulnerabilities that the code reaches. Needs the database at vuln.go.dev, or GOVULNDB; without it, says that it has not looked
	@out=$$($(TOOL) golang.org/x/vuln/cmd/govulncheck@v1.9.0 $${GOVULNDB:+-db $$GOVULNDB} ./... 2>&1); status=$$?; \
		if [ $$status != 0 ] && grep -q 'fetching vulnerabilities' <<<"$$out"; then echo "make vulncheck: SKIPPED, the database of vulnerabilities cannot be reached"; \
		else echo "$$out"; exit $$status; fi

.PHONY: test
test: vet ## All tests, the cases and go vet, no Java, no Docker; the race detector everywhere but in the end-to-end tests (see test-race)
	@[ -n "$(RACE)" ] || echo "no C compiler: testing without the race detector" >&2
	go test $(RACE) -timeout 15m $$(go list ./... | grep -v /processor/internal/e2e$$)
	go test -timeout 15m $(E2E)
	@$(MAKE) --no-print-directory cases

.PHONY: cases
cases: build ## Inputs on which a stream processor is easily wrong (KOLK_CASES=DIRECTORY for others); cases/README.md
	@go build -o bin/cases ./cmd/kolk/internal/cases
	@bin/cases bin/kolk cases $(KOLK_CASES)

.PHONY: test-race
test-race: ## The end-to-end tests under the race detector: each of their processes is several times slower, so it takes minutes more
	go test -race -timeout 30m $(E2E)

FUZZTIME := 5s

.PHONY: oracle
oracle: ## What Kafka Streams answers to 1,903 small topologies, and kolk (KOLK_ORACLE=DIRECTORY for other cases)
	@mkdir -p bin
	@go test -count=1 -v -run 'TestKafkaStreams$$' ./processor/processortest/kafkastreams >bin/oracle.log 2>&1; status=$$?; \
		[ $$status = 0 ] || grep -v '^ *--- \|^=== ' bin/oracle.log; grep ' passed, .* unsaid$$' bin/oracle.log; exit $$status

RECORDER := processor/processortest/kafkastreams/recorder
SEED := 1
CASES := 2000

.PHONY: oracle-vary
oracle-vary: ## Variations of the 1,903 topologies, asked of Kafka Streams and of kolk (SEED=1 CASES=2000): needs Java 17 and Maven
	@mkdir -p bin/variations
	@go build -o bin/vary ./processor/processortest/kafkastreams/vary
	@cd $(RECORDER) && mvn -q -B package
	@bin/vary -seed $(SEED) -n $(CASES) processor/processortest/kafkastreams/testdata/*.jsonl.gz | \
		java -cp "$(RECORDER)/target/classes:$(RECORDER)/target/lib/*" recorder.Main >bin/variations/seed$(SEED).jsonl 2>bin/variations/refused.log
	@KOLK_ORACLE=$(CURDIR)/bin/variations $(MAKE) -s oracle

.PHONY: fuzz
fuzz: ## Each fuzz target for FUZZTIME (5s)
	@grep -rhoE --include='*_test.go' --with-filename '^func Fuzz[A-Za-z0-9]+' . | sed 's/:func / /' | while read -r file name; do \
		echo "go test -fuzz $$name $$(dirname $$file)"; \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$(dirname $$file)" </dev/null || exit 1; done

.PHONY: test-memory
test-memory: ## A million records that become due at once, or wait in a join or a suppress, in the memory that is promised: five minutes
	KOLK_MEMORY=1 CGO_ENABLED=0 go test -count=1 -v -run 'TestMemoryOfWhatIsDue$$' $(E2E)

.PHONY: test-kafka
test-kafka: vet ## The end-to-end tests on Apache Kafka 4.4.0: needs Java 17 and, the first time, Maven
	@missing=; for c in java mvn; do command -v $$c >/dev/null || missing="$$missing $$c"; done; \
		if [ -n "$$missing" ] && [ -z "$$KAFKA_BOOTSTRAP" ]; then echo "make test-kafka: missing:$$missing (Java 17 or newer, Maven); or set KAFKA_BOOTSTRAP to the address of a broker" >&2; exit 1; fi
	@mkdir -p bin
	set -o pipefail; go test -tags kafka -count=1 -timeout 30m -v $(E2E) | tee bin/test-kafka.log
	@grep -q '^--- PASS' bin/test-kafka.log || { echo "make test-kafka: no test has run" >&2; exit 1; }

.PHONY: chaos
chaos: ## Three instances over some million records, killed 50 times (KOLK_SEED repeats a run)
	KOLK_CHAOS=long go test -count=1 -timeout 60m -v -run 'TestChaos$$' $(E2E)

.PHONY: bench-programs
bench-programs:
	@mkdir -p bin/bench && CGO_ENABLED=0 go build -o bin/bench ./bench/...

.PHONY: bench
bench: bench-programs ## Operators, stores and codecs alone; then the records per CPU-second of kolk and of a hand-written loop (BENCH="-help" shows what else)
	go test -run '^$$' -bench . -benchmem -benchtime 200ms ./serde ./state/... ./changelog ./checkpoint ./topology ./topology/topoyaml ./processor/internal/task ./processor/internal/txn ./processor/internal/restore ./bench/compare
	@bin/bench/compare $(BENCH)

.PHONY: bench-keys
bench-keys: bench-programs ## What a record costs as the number of keys grows (100 k, 1 M, 10 M): stores alone, then kolk and the loop, and docs/keys.svg; half an hour or more, some GiB
	KOLK_BENCH_KEYS=100000,1000000,10000000 go test -run '^$$' -bench Keys -benchtime 1s ./state/pebblestate
	@bin/bench/compare -keys 100000,1000000,10000000 -n 2000000 -runs 1 -limit 15m -workloads count,count-nocache,table -programs loop,kolk -plot docs/keys.svg $(BENCH)

.PHONY: bench-peers
bench-peers: bench-programs ## Every workload on kolk and on Kafka Streams, with Apache Kafka: needs Java 17 and Maven
	@missing=; for c in java mvn; do command -v $$c >/dev/null || missing="$$missing $$c"; done; \
		if [ -n "$$missing" ]; then echo "make bench-peers: missing:$$missing (Java 17 or newer, Maven)" >&2; exit 1; fi
	cd bench/kafkastreams && mvn -q -B package && mvn -q -B -Pbroker package
	@bin/bench/compare -broker kafka -programs loop,kolk,kafka-streams \
		-workloads $(WORKLOADS) $(BENCH)

.PHONY: nexmark
nexmark: ## Queries of Nexmark over a million events, verified (NEXMARK="-languages yaml -queries q17" or "-help")
	@mkdir -p bin && go build -o bin/nexmark ./bench/nexmark/cmd/nexmark
	@bin/nexmark run $(NEXMARK)

.PHONY: profiles
profiles: bench-programs ## bin/profiles: where each workload spends its CPU time, on the embedded broker, as pictures; and the table of docs/performance.md
	@mkdir -p bin/profiles
	@bin/bench/compare -programs kolk -runs 1 -workloads $(WORKLOADS) -profiles bin/profiles $(BENCH) && \
		bin/bench/flame -o bin/profiles bin/profiles/*.cpu.prof

.PHONY: check-compose
check-compose: ## docker-compose.yml is right: needs docker compose, but no daemon
	docker compose config --quiet

.PHONY: zones
zones: ## The time zones of the Go toolchain become those of expressions; ZonesVersion and docs/yaml.md say which they are
	cp "$$(go env GOROOT)/lib/time/zoneinfo.zip" topology/topoyaml/internal/functions/zones/
	chmod 644 topology/topoyaml/internal/functions/zones/zoneinfo.zip
	@grep -m1 '^DATA=' "$$(go env GOROOT)/lib/time/update.bash"

.PHONY: fmt
fmt: ## Format
	go fmt ./...
