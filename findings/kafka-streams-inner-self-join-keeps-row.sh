#!/bin/bash
# Kafka Streams 4.4: an inner join of a table with a table that is made of it (mapValues) says
# nothing when a row is deleted. The deletion comes to either side of the join, and at either the
# other one is gone already: "nothing can come of it". So who keeps the join's updates, in a store
# of his own or a compacted topic, keeps the row for good. An inner join of two tables that are read
# from different topics sends the tombstone.
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
import java.util.Properties;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.KeyValueStore;

public class Finding {
    static String updates(boolean ofItself) {
        StreamsBuilder b = new StreamsBuilder();
        KTable<String, String> t = b.table("in", Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as("t"));
        KTable<String, String> other = ofItself ? t.mapValues(v -> v + "!") : b.table("other");
        t.join(other, (l, r) -> l + "," + r).toStream().to("out");
        Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, "finding");
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
        p.put(StreamsConfig.STATE_DIR_CONFIG, "state-" + ofItself);
        p.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        p.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        try (TopologyTestDriver d = new TopologyTestDriver(b.build(), p)) {
            var in = d.createInputTopic("in", new StringSerializer(), new StringSerializer());
            if (!ofItself) {
                d.createInputTopic("other", new StringSerializer(), new StringSerializer()).pipeInput("k", "v!");
            }
            in.pipeInput("k", "v");
            in.pipeInput("k", (String) null);
            var all = d.createOutputTopic("out", new StringDeserializer(), new StringDeserializer()).readKeyValuesToList();
            return all.get(all.size() - 1).value;
        }
    }

    public static void main(String[] args) {
        System.out.println("joined with what is made of it, the last update is " + updates(true));
        System.out.println("joined with another table, the last update is " + updates(false));
        System.exit(0);
    }
}
JAVA
java -cp 'jars/*' Finding.java | tee out
diff <(printf 'joined with what is made of it, the last update is v,v!\njoined with another table, the last update is null\n') out
