package recorder;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.internals.ProcessorTopology;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.ValueAndTimestamp;
import org.apache.kafka.streams.state.VersionedRecord;
import org.apache.kafka.streams.test.TestRecord;

/**
 * Reads cases, a line each, from standard input and writes them with what Kafka Streams makes of
 * them: expect, stores, error. A case that it does not accept is left out, with a line on standard
 * error.
 */
public final class Main {
    private static final ObjectMapper JSON = new ObjectMapper();

    private Main() {}

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = in.readLine()) != null; ) {
            ObjectNode c = (ObjectNode) JSON.readTree(line);
            try {
                record(c);
                out.println(JSON.writeValueAsString(c));
            } catch (Exception e) {
                System.err.println(c.get("name").asText() + ": " + e);
            }
        }
        out.flush();
        System.exit(0);
    }

    private static void record(ObjectNode c) throws Exception {
        c.remove(List.of("expect", "stores", "error", "alt", "quirk"));
        ObjectNode got = play(c, false);
        c.setAll(got);
        if (c.get("topology").toString().contains("\"streamJoin\"")) {
            ObjectNode alt = play(c, true);
            if (!alt.equals(got)) {
                c.put("quirk", "outer-join-late-emission").set("alt", alt);
            }
        }
    }

    /**
     * Runs a case and returns what came of it. With prompt, joins of streams look at all that they
     * hold back each time: the shortcut that makes them late is reset before each step.
     */
    private static ObjectNode play(ObjectNode c, boolean prompt) throws Exception {
        ObjectNode got = JSON.createObjectNode();
        Topologies t = new Topologies();
        var topology = t.build(c.get("topology"));
        Path dir = Files.createTempDirectory("recorder");
        Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, "app");
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
        p.put(StreamsConfig.STATE_DIR_CONFIG, dir.toString());
        p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        p.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Values.class);
        p.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Values.class);
        p.put(StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_OUTER_JOIN_SPURIOUS_RESULTS_FIX, 0L);
        p.put(StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_WINDOWED_AGGREGATION, 0L);
        ArrayNode expect = JSON.createArrayNode();
        Set<String> keys = new TreeSet<>();
        TopologyTestDriver driver = new TopologyTestDriver(topology, p, Instant.EPOCH);
        try {
            int failed = -1;
            JsonNode steps = c.get("steps");
            for (int i = 0; i < steps.size(); i++) {
                if (prompt) {
                    reset(driver);
                }
                try {
                    step(driver, steps.get(i), keys);
                } catch (RuntimeException e) {
                    failed = i;
                    break;
                }
                take(driver, i, expect);
            }
            got.set("expect", expect);
            if (failed >= 0) {
                got.putObject("error").put("after", failed);
            } else {
                ObjectNode stores = JSON.createObjectNode();
                for (var s : new TreeMap<>(t.stores).entrySet()) {
                    stores.set(s.getKey(), content(driver, s.getKey(), s.getValue(), keys));
                }
                got.set("stores", stores);
            }
        } finally {
            try {
                driver.close();
            } catch (RuntimeException e) {
                // the topology has failed before
            }
            try (var files = Files.walk(dir)) {
                files.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
            }
        }
        return got;
    }

    /** Makes joins of streams forget which of the records held back they take for the oldest. */
    private static void reset(TopologyTestDriver driver) throws Exception {
        Object task = field(driver, "task");
        if (task == null) {
            return;
        }
        for (Object node : ((ProcessorTopology) field(task, "topology")).processors()) {
            Object processor = field(node, "processor");
            Object tracker = processor == null ? null : field(processor, "sharedTimeTracker");
            if (tracker != null) {
                Field min = tracker.getClass().getDeclaredField("minTime");
                min.setAccessible(true);
                min.setLong(tracker, Long.MIN_VALUE);
            }
        }
    }

    /** The value of a private field, or null where there is none. */
    private static Object field(Object of, String name) throws Exception {
        for (Class<?> c = of.getClass(); c != null; c = c.getSuperclass()) {
            for (Field f : c.getDeclaredFields()) {
                if (f.getName().equals(name)) {
                    f.setAccessible(true);
                    return f.get(of);
                }
            }
        }
        return null;
    }

    private static String text(JsonNode n, String field) {
        JsonNode f = n.get(field);
        return f == null || f.isNull() ? null : f.asText();
    }

    private static void step(TopologyTestDriver driver, JsonNode s, Set<String> keys) throws Exception {
        if (s.has("wallclock")) {
            driver.advanceWallClockTime(Duration.ofMillis(s.get("wallclock").asLong()));
            return;
        }
        TestInputTopic<Object, Object> topic = driver.createInputTopic(
                s.get("topic").asText(), new Values().serializer(), new Values().serializer());
        RecordHeaders headers = new RecordHeaders();
        if (s.has("headers")) {
            for (JsonNode h : s.get("headers")) {
                headers.add(h.get(0).asText(), h.get(1).isNull() ? null : h.get(1).asText().getBytes(StandardCharsets.UTF_8));
            }
        }
        String key = text(s, "key");
        if (key != null) {
            keys.add(key);
        }
        TestRecord<Object, Object> r = new TestRecord<>(key, text(s, "value"), headers, 0L);
        // the constructor refuses times below zero, a topic does not
        Field time = TestRecord.class.getDeclaredField("recordTime");
        time.setAccessible(true);
        time.set(r, Instant.ofEpochMilli(s.get("ts").asLong()));
        topic.pipeInput(r);
    }

    private static void take(TopologyTestDriver driver, int after, ArrayNode expect) {
        for (String topic : new TreeSet<>(driver.producedTopicNames())) {
            if (topic.startsWith("app-")) {
                continue;
            }
            var out = driver.createOutputTopic(topic, new StringDeserializer(), new StringDeserializer());
            for (TestRecord<String, String> r : out.readRecordsToList()) {
                ObjectNode e = expect.addObject();
                e.put("after", after).put("topic", topic).put("key", r.key()).put("value", r.value()).put("ts", r.timestamp());
                if (r.headers() != null && r.headers().iterator().hasNext()) {
                    ArrayNode hs = e.putArray("headers");
                    for (Header h : r.headers()) {
                        hs.addArray().add(h.key()).add(h.value() == null ? null : new String(h.value(), StandardCharsets.UTF_8));
                    }
                }
            }
        }
    }

    private static ArrayNode content(TopologyTestDriver driver, String name, Topologies.Kind kind, Set<String> keys) {
        ArrayNode all = JSON.createArrayNode();
        switch (kind) {
            case KEY_VALUE -> {
                var store = driver.<Object, Object>getTimestampedKeyValueStore(name);
                try (KeyValueIterator<Object, ValueAndTimestamp<Object>> it = store.all()) {
                    while (it.hasNext()) {
                        KeyValue<Object, ValueAndTimestamp<Object>> e = it.next();
                        all.addObject().put("key", Functions.s(e.key)).put("value", Functions.s(e.value.value())).put("ts", e.value.timestamp());
                    }
                }
            }
            case PLAIN -> {
                try (KeyValueIterator<Object, Object> it = driver.<Object, Object>getKeyValueStore(name).all()) {
                    while (it.hasNext()) {
                        KeyValue<Object, Object> e = it.next();
                        all.addObject().put("key", Functions.s(e.key)).put("value", Functions.s(e.value));
                    }
                }
            }
            case PLAIN_WINDOW -> {
                try (KeyValueIterator<Windowed<Object>, Object> it = driver.<Object, Object>getWindowStore(name).all()) {
                    while (it.hasNext()) {
                        KeyValue<Windowed<Object>, Object> e = it.next();
                        all.addObject().put("key", Functions.s(e.key.key())).put("start", e.key.window().start()).put("value", Functions.s(e.value));
                    }
                }
            }
            case WINDOW -> {
                var store = driver.<Object, Object>getTimestampedWindowStore(name);
                try (KeyValueIterator<Windowed<Object>, ValueAndTimestamp<Object>> it = store.all()) {
                    while (it.hasNext()) {
                        KeyValue<Windowed<Object>, ValueAndTimestamp<Object>> e = it.next();
                        all.addObject().put("key", Functions.s(e.key.key())).put("start", e.key.window().start())
                                .put("value", Functions.s(e.value.value())).put("ts", e.value.timestamp());
                    }
                }
            }
            case SESSION -> {
                var store = driver.<Object, Object>getSessionStore(name);
                try (KeyValueIterator<Windowed<Object>, Object> it = store.fetch(null, null)) {
                    while (it.hasNext()) {
                        KeyValue<Windowed<Object>, Object> e = it.next();
                        all.addObject().put("key", Functions.s(e.key.key())).put("start", e.key.window().start())
                                .put("end", e.key.window().end()).put("value", Functions.s(e.value));
                    }
                }
            }
            case VERSIONED -> {
                var store = driver.<Object, Object>getVersionedKeyValueStore(name);
                for (String key : keys) {
                    VersionedRecord<Object> v = store.get(key);
                    if (v != null) {
                        all.addObject().put("key", key).put("value", Functions.s(v.value())).put("ts", v.timestamp());
                    }
                }
            }
        }
        return all;
    }
}
