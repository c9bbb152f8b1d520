#!/bin/bash
# Kafka Streams 4.4: repartition() drops records without a key, as its topic has no place for them,
# unless a left join of the stream lies somewhere behind it. Then they go through, and everybody who
# reads the repartitioned stream gets them. So adding a left join to a topology changes what an
# older branch beside it puts out. Here a stream is repartitioned and written to a topic; the second
# topology joins it with a table as well. The record without a key is there in the second one only.
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
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;

public class Finding {
    static String keys(boolean join) {
        StreamsBuilder b = new StreamsBuilder();
        KStream<String, String> s = b.<String, String>stream("in").repartition();
        s.to("out");
        if (join) {
            KTable<String, String> table = b.table("table");
            s.leftJoin(table, (v, t) -> v).to("joined");
        }
        Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, "finding");
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
        p.put(StreamsConfig.STATE_DIR_CONFIG, "state-" + join);
        p.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        p.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        try (TopologyTestDriver d = new TopologyTestDriver(b.build(), p)) {
            var in = d.createInputTopic("in", new StringSerializer(), new StringSerializer());
            in.pipeInput("a", "1");
            in.pipeInput(null, "2");
            StringBuilder all = new StringBuilder();
            var out = d.createOutputTopic("out", new StringDeserializer(), new StringDeserializer());
            out.readKeyValuesToList().forEach(kv -> all.append(kv.key).append('=').append(kv.value).append(' '));
            return all.toString().trim();
        }
    }

    public static void main(String[] args) {
        System.out.println("alone: " + keys(false));
        System.out.println("beside a left join: " + keys(true));
        System.exit(0);
    }
}
JAVA
java -cp 'jars/*' Finding.java | tee out
diff <(printf 'alone: a=1\nbeside a left join: a=1 null=2\n') out
