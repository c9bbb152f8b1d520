package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// dirs are where things lie.
type dirs struct {
	work string // state, logs, and Apache Kafka's data; removed at the end
	bin  string // the programs kolk and loop
	java string // the Kafka Streams peer: pom.xml, and target when it is built
}

func (d dirs) log(name string) string { return filepath.Join(d.work, "logs", name+".log") }

// program is one that does workloads.
type program struct {
	name      string
	command   []string
	workloads []string // nil: all
}

func (p program) has(workload string) bool {
	return p.workloads == nil || slices.Contains(p.workloads, workload)
}

// The programs of the repository.
const (
	kolk         = "kolk"
	loop         = "loop"
	kafkaStreams = "kafka-streams"
)

// programs resolves names of programs, or NAME=COMMAND for one that is not of the repository.
func programs(names []string, dirs dirs) ([]program, error) {
	var all []program
	for _, name := range names {
		var p program
		switch name {
		case kolk:
			p = program{name: kolk, command: []string{filepath.Join(dirs.bin, "peer")}}
		case loop:
			p = program{name: loop, command: []string{filepath.Join(dirs.bin, "loop")}, workloads: []string{"passthrough", "count", "count-nocache", "rekey-count"}}
		case kafkaStreams:
			target := filepath.Join(dirs.java, "target")
			if err := needJava(filepath.Join(target, "lib")); err != nil {
				return nil, err
			}
			p = program{name: kafkaStreams, command: []string{"java", "-Xms512m", "-Xmx2g", "-XX:+UseParallelGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
				"-cp", filepath.Join(target, "classes") + string(os.PathListSeparator) + filepath.Join(target, "lib", "*"), "peer.Main"}}
		default:
			n, command, ok := strings.Cut(name, "=")
			if !ok || n == "" || len(strings.Fields(command)) == 0 {
				return nil, fmt.Errorf("no program %q: there are %s, %s, %s, and NAME=COMMAND", name, kolk, loop, kafkaStreams)
			}
			p = program{name: n, command: strings.Fields(command)}
		}
		all = append(all, p)
	}
	return all, nil
}

// settings are the same for all programs.
type settings struct {
	commit  time.Duration
	threads int
	cacheMB int
}

// args are the command line that every program understands.
func (s settings) args(workload, brokers, app, state string, in []string, out string) []string {
	return []string{"--workload", workload, "--brokers", brokers, "--app", app, "--state", state, "--in", strings.Join(in, ","), "--out", out,
		"--commit-ms", strconv.FormatInt(s.commit.Milliseconds(), 10), "--threads", strconv.Itoa(s.threads), "--cache-mb", strconv.Itoa(s.cacheMB)}
}
