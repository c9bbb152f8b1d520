#!/bin/bash
# Kafka Streams 4.4: a sliding window that an aggregator has deleted, by returning null, is not made
# again by a record of a timestamp that the key has had, and is made by one of a new timestamp. With
# a difference of 10 the record at 103 makes the window that begins behind the one at 100, from 101
# to 111; "drop" at 105 deletes it. A record at 102 makes it anew. A second record at 103 belongs to
# it as well, and is counted in it nowhere. So what there is of a window depends on which timestamps
# have come before.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > pom.xml <<'POM'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId><artifactId>streams</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-streams-test-utils</artifactId><version>4.4.0</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
POM
mvn -q -B -Dstyle.color=never dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=jars >&2
cat > Finding.java <<'JAVA'
import java.time.Duration;
import java.util.*;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;

public class Finding {
    /** What the windows are changed to by the last record. */
    static String last(long... times) {
        StreamsBuilder b = new StreamsBuilder();
        b.<String, String>stream("in").groupByKey()
            .windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(Duration.ofMillis(10), Duration.ofMillis(100)))
            .reduce((x, y) -> y.equals("drop") ? null : x + y)
            .toStream((k, v) -> k.window().start() + "-" + k.window().end())
            .to("out");
        Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, "finding");
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
        p.put(StreamsConfig.STATE_DIR_CONFIG, "state-" + times[3]);
        p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        p.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        p.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        try (TopologyTestDriver d = new TopologyTestDriver(b.build(), p)) {
            var in = d.createInputTopic("in", new StringSerializer(), new StringSerializer());
            var out = d.createOutputTopic("out", new StringDeserializer(), new StringDeserializer());
            for (long t : times) {
                out.readKeyValuesToList();
                in.pipeInput("k", t == 105 ? "drop" : "x", t);
            }
            Map<String, String> all = new TreeMap<>();
            out.readKeyValuesToList().forEach(kv -> all.put(kv.key, kv.value));
            return all.toString();
        }
    }

    public static void main(String[] args) {
        System.out.println("a second record at 103: " + last(100, 103, 105, 103));
        System.out.println("a first record at 102: " + last(100, 103, 105, 102));
        System.exit(0);
    }
}
JAVA
java -cp 'jars/*' Finding.java | tee out
if grep '^a second' out | grep -q '101-111'; then echo 'the window is made again'; exit 1; fi
grep '^a first' out | grep -q '101-111=x[,}]'
