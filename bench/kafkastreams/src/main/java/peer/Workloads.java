package peer;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.Suppressed.BufferConfig;
import org.apache.kafka.streams.kstream.TimeWindowedKStream;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.WindowStore;

/** The topologies. Keys are strings, values bytes, counts signed 64-bit big-endian. */
final class Workloads {
    private static final Serde<String> KEY = Serdes.String();
    private static final Serde<byte[]> VALUE = Serdes.ByteArray();
    private static final Serde<Long> COUNT = Serdes.Long();
    private static final Duration FIVE_SECONDS = Duration.ofSeconds(5);

    private final StreamsBuilder builder = new StreamsBuilder();
    private final String out;
    private final KStream<String, byte[]> events;

    private Workloads(final String in, final String out) {
        this.out = out;
        this.events = builder.stream(in, Consumed.with(KEY, VALUE));
    }

    Topology build(final Properties config) {
        return builder.build(config);
    }

    static Workloads declare(final String workload, final String[] in, final String out) {
        final Workloads w = new Workloads(in[0], out);
        switch (workload) {
            case "passthrough" -> w.events.to(out, Produced.with(KEY, VALUE));
            case "count", "count-nocache" -> w.count(w.events);
            case "table" -> w.events.toTable(kept("latest")).toStream().to(out, Produced.with(KEY, VALUE));
            case "window-count" -> w.results(w.windows());
            // Not EmitStrategy.onWindowClose: 4.3.1 loses results with it (see docs/performance.md).
            case "window-final" -> w.results(w.windows().suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()).withName("final")));
            case "join-table" -> w.events.leftJoin(w.builder.table(in[1], Consumed.with(KEY, VALUE), kept("right")),
                Workloads::concat, Joined.with(KEY, VALUE, VALUE)).to(out, Produced.with(KEY, VALUE));
            case "session-count" -> w.sessions();
            case "join-stream" -> w.events.join(w.builder.stream(in[1], Consumed.with(KEY, VALUE)), Workloads::concat,
                JoinWindows.ofTimeDifferenceAndGrace(FIVE_SECONDS, FIVE_SECONDS), StreamJoined.with(KEY, VALUE, VALUE).withStoreName("pairs"))
                .to(out, Produced.with(KEY, VALUE));
            case "rekey-count" -> w.count(w.events.selectKey((key, value) -> firstField(value)));
            default -> throw new IllegalArgumentException("no workload " + workload);
        }
        return w;
    }

    private void count(final KStream<String, byte[]> stream) {
        stream.groupByKey(Grouped.with("counts", KEY, VALUE))
            .count(Materialized.<String, Long, KeyValueStore<Bytes, byte[]>>as("counts").withKeySerde(KEY).withValueSerde(COUNT))
            .toStream().to(out, Produced.with(KEY, COUNT));
    }

    private void sessions() {
        events.groupByKey(Grouped.with(KEY, VALUE))
            .windowedBy(SessionWindows.ofInactivityGapAndGrace(FIVE_SECONDS, FIVE_SECONDS))
            .count(Materialized.<String, Long, SessionStore<Bytes, byte[]>>as("counts").withKeySerde(KEY).withValueSerde(COUNT))
            .toStream((session, count) -> session.key() + "@" + session.window().start() + "@" + session.window().end())
            .to(out, Produced.with(KEY, COUNT));
    }

    private KTable<Windowed<String>, Long> windows() {
        final TimeWindowedKStream<String, byte[]> windowed = events.groupByKey(Grouped.with(KEY, VALUE))
            .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofSeconds(10), Duration.ofSeconds(5)));
        return windowed.count(Materialized.<String, Long, WindowStore<Bytes, byte[]>>as("counts").withKeySerde(KEY).withValueSerde(COUNT));
    }

    private void results(final KTable<Windowed<String>, Long> counts) {
        counts.toStream((window, count) -> window.key() + "@" + window.window().start()).to(out, Produced.with(KEY, COUNT));
    }

    private static Materialized<String, byte[], KeyValueStore<Bytes, byte[]>> kept(final String store) {
        return Materialized.<String, byte[], KeyValueStore<Bytes, byte[]>>as(store).withKeySerde(KEY).withValueSerde(VALUE);
    }

    private static byte[] concat(final byte[] left, final byte[] right) {
        if (right == null) {
            return left;
        }
        final byte[] both = Arrays.copyOf(left, left.length + right.length);
        System.arraycopy(right, 0, both, left.length, right.length);
        return both;
    }

    /** What stands before the first "|". */
    private static String firstField(final byte[] value) {
        int end = 0;
        while (end < value.length && value[end] != '|') {
            end++;
        }
        return new String(value, 0, end, StandardCharsets.UTF_8);
    }
}
