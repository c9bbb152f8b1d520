#!/usr/bin/env bash
# Runs the job in Kafka Streams 4.4.0 (its TopologyTestDriver) and in kolk, and compares: each
# result of Kafka Streams is one of kolk, which has those of the last day besides. Java 17 and Maven.
set -euo pipefail
cd "$(dirname "$0")"
export GOTOOLCHAIN=auto
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/pom.xml" <<'POM'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>flights</groupId><artifactId>flights</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-streams</artifactId><version>4.4.0</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-streams-test-utils</artifactId><version>4.4.0</version></dependency>
    <dependency><groupId>com.fasterxml.jackson.core</groupId><artifactId>jackson-databind</artifactId><version>2.21.7</version></dependency>
  </dependencies>
</project>
POM
mvn -q -f "$work/pom.xml" dependency:copy-dependencies -DoutputDirectory="$work/lib"
javac -cp "$work/lib/*" -d "$work/classes" FlightDelays.java Compare.java
java -cp "$work/classes:$work/lib/*" Compare ../data 2>/dev/null | sort >"$work/kafka-streams"

go run ../../../cmd/kolk dev ../topology.yaml --data flights=../data/flights-20k.jsonl.gz --data airports=../data/airports.csv \
	--until-end --fresh --data-dir "$work/kolk-data" --output json --log-level warn |
	sed -E 's/.*"value":(\{[^}]*\}).*/\1/' | sort >"$work/kolk"

missing=$(comm -23 "$work/kafka-streams" "$work/kolk" | wc -l)
more=$(comm -13 "$work/kafka-streams" "$work/kolk")
echo "Kafka Streams: $(wc -l <"$work/kafka-streams") results, $missing of them not in kolk"
echo "kolk: $(wc -l <"$work/kolk") results, $(wc -l <<<"$more") more: $(sed -E 's/.*"day":"([^"]*)".*/\1/' <<<"$more" | sort -u | tr '\n' ' ')"
[ "$missing" = 0 ] && [ "$(wc -l <"$work/kafka-streams")" = 3300 ] && ! grep -qv '"day":"2001-03-31"' <<<"$more"
