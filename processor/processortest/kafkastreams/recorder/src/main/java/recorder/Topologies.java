package recorder;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Aggregator;
import org.apache.kafka.streams.kstream.Branched;
import org.apache.kafka.streams.kstream.BranchedKStream;
import org.apache.kafka.streams.kstream.CogroupedKStream;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.GlobalKTable;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KGroupedTable;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Merger;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Reducer;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.kstream.SessionWindowedCogroupedKStream;
import org.apache.kafka.streams.kstream.SessionWindowedKStream;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.SlidingWindows;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.TimeWindowedCogroupedKStream;
import org.apache.kafka.streams.kstream.TimeWindowedKStream;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.ValueJoiner;
import org.apache.kafka.streams.kstream.ValueJoinerWithKey;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.state.Stores;

/** Builds the topology of a case. Keys are strings or windowed ones, so types are raw in places. */
@SuppressWarnings({"unchecked", "rawtypes"})
final class Topologies {
    /** What a store is, so that its content can be read. */
    enum Kind { KEY_VALUE, PLAIN, PLAIN_WINDOW, WINDOW, SESSION, VERSIONED }

    private final StreamsBuilder builder = new StreamsBuilder();
    private final Map<String, Object> made = new HashMap<>();
    private final Map<String, JsonNode> windows = new HashMap<>();
    final Map<String, Kind> stores = new LinkedHashMap<>();
    private int unnamed;

    private static final Serde<Object> ANY = new Values();

    Topology build(JsonNode topology) {
        for (JsonNode n : topology) {
            Object out = node(n);
            if (n.has("id")) {
                made.put(n.get("id").asText(), out);
            }
        }
        return builder.build();
    }

    private static String text(JsonNode n, String field) {
        JsonNode f = n.get(field);
        return f == null || f.isNull() ? null : f.asText();
    }

    private Object in(JsonNode n, int i) {
        Object v = made.get(n.get("in").get(i).asText());
        if (v == null) {
            throw new IllegalArgumentException("no node " + n.get("in").get(i));
        }
        return v;
    }

    private KStream<Object, Object> stream(JsonNode n, int i) { return (KStream<Object, Object>) in(n, i); }

    private KTable<Object, Object> table(JsonNode n, int i) { return (KTable<Object, Object>) in(n, i); }

    private static Duration ms(JsonNode n, String field) {
        return Duration.ofMillis(n.has(field) ? n.get(field).asLong() : 0);
    }

    private Object node(JsonNode n) {
        String op = n.get("op").asText();
        switch (op) {
            case "stream": {
                Consumed<Object, Object> c = Consumed.with(ANY, ANY).withTimestampExtractor(Times.extractor(text(n, "timestampExtractor")));
                if (n.has("topics")) {
                    List<String> topics = new ArrayList<>();
                    n.get("topics").forEach(t -> topics.add(t.asText()));
                    return builder.stream(topics, c);
                }
                return builder.stream(n.get("topic").asText(), c);
            }
            case "table": {
                Consumed<Object, Object> c = Consumed.with(ANY, ANY);
                String topic = n.get("topic").asText();
                if (n.has("historyMs")) {
                    String name = name(n, Kind.VERSIONED);
                    Materialized m = Materialized.as(Stores.persistentVersionedKeyValueStore(name, ms(n, "historyMs")));
                    return builder.table(topic, c, m.withKeySerde(ANY).withValueSerde(ANY));
                }
                return n.has("store") ? builder.table(topic, c, materialized(n, ANY)) : builder.table(topic, c);
            }
            case "globalTable": {
                Consumed<Object, Object> c = Consumed.with(ANY, ANY);
                String topic = n.get("topic").asText();
                return n.has("store") ? builder.globalTable(topic, c, materialized(n, ANY)) : builder.globalTable(topic, c);
            }
            case "filter", "filterNot": {
                Functions.Pred p = Functions.pred(n.get("pred").asText());
                boolean not = op.equals("filterNot");
                if (in(n, 0) instanceof KStream<?, ?>) {
                    return not ? stream(n, 0).filterNot(p::test) : stream(n, 0).filter(p::test);
                }
                remember(n);
                if (n.has("store")) {
                    return not ? table(n, 0).filterNot(p::test, materialized(n, ANY)) : table(n, 0).filter(p::test, materialized(n, ANY));
                }
                return not ? table(n, 0).filterNot(p::test) : table(n, 0).filter(p::test);
            }
            case "mapValues": {
                Functions.Fn f = Functions.fn(n.get("fn").asText());
                if (in(n, 0) instanceof KStream<?, ?>) {
                    return stream(n, 0).mapValues((k, v) -> (Object) f.apply(k, v));
                }
                remember(n);
                return n.has("store") ? table(n, 0).mapValues((k, v) -> (Object) f.apply(k, v), materialized(n, ANY))
                        : table(n, 0).mapValues((k, v) -> (Object) f.apply(k, v));
            }
            case "map": {
                Functions.Fn kf = Functions.fn(n.get("keyFn").asText());
                Functions.Fn vf = Functions.fn(n.get("valueFn").asText());
                return stream(n, 0).map((k, v) -> new KeyValue<>((Object) kf.apply(k, v), (Object) vf.apply(k, v)));
            }
            case "selectKey": {
                Functions.Fn kf = Functions.fn(n.get("keyFn").asText());
                return stream(n, 0).selectKey((k, v) -> (Object) kf.apply(k, v));
            }
            case "flatMap": {
                String fn = n.get("fn").asText();
                return stream(n, 0).flatMap((k, v) -> {
                    List<KeyValue<Object, Object>> out = new ArrayList<>();
                    Functions.flatPairs(fn, k, v).forEach(p -> out.add(new KeyValue<>(p.key(), p.value())));
                    return out;
                });
            }
            case "flatMapValues": {
                String fn = n.get("fn").asText();
                return stream(n, 0).flatMapValues((k, v) -> (Iterable<Object>) (Iterable) Functions.flatValues(fn, k, v));
            }
            case "peek":
                return stream(n, 0).peek((k, v) -> { });
            case "split": {
                String prefix = "split" + unnamed++ + "-";
                BranchedKStream<Object, Object> b = stream(n, 0).split(Named.as(prefix));
                for (JsonNode br : n.get("branches")) {
                    Functions.Pred p = Functions.pred(br.get("pred").asText());
                    b = b.branch(p::test, Branched.as(br.get("id").asText()));
                }
                Map<String, KStream<Object, Object>> all = n.has("default")
                        ? b.defaultBranch(Branched.as(n.get("default").asText())) : b.noDefaultBranch();
                all.forEach((name, s) -> made.put(name.substring(prefix.length()), s));
                return null;
            }
            case "merge":
                return stream(n, 0).merge(stream(n, 1));
            case "repartition":
                return stream(n, 0).repartition(Repartitioned.with(ANY, ANY));
            case "to": {
                if (n.has("topicFn")) {
                    Functions.Fn f = Functions.fn(n.get("topicFn").asText());
                    stream(n, 0).to((k, v, c) -> "out-" + Functions.str(f.apply(k, v)), Produced.with(ANY, ANY));
                } else {
                    stream(n, 0).to(n.get("topic").asText(), Produced.with(ANY, ANY));
                }
                return null;
            }
            case "toTable":
                return n.has("store") ? stream(n, 0).toTable(materialized(n, ANY))
                        : stream(n, 0).toTable(Materialized.with(ANY, ANY));
            case "process":
                return process(n);
            case "toStream": {
                String id = n.get("in").get(0).asText();
                if (!windows.containsKey(id)) {
                    return table(n, 0).toStream();
                }
                boolean plain = "key".equals(text(n, "key"));
                return table(n, 0).toStream((k, v) -> plain ? ((Windowed<?>) k).key() : (Object) Functions.s(k));
            }
            case "groupByKey":
                return stream(n, 0).groupByKey(grouped());
            case "groupBy": {
                Functions.Fn kf = Functions.fn(n.get("keyFn").asText());
                if (in(n, 0) instanceof KStream<?, ?>) {
                    return stream(n, 0).groupBy((k, v) -> (Object) kf.apply(k, v), grouped());
                }
                Functions.Fn vf = Functions.fn(n.get("valueFn").asText());
                return table(n, 0).groupBy((k, v) -> new KeyValue<>((Object) kf.apply(k, v), (Object) vf.apply(k, v)), grouped());
            }
            case "windowedBy":
                return windowedBy(n);
            case "count", "reduce", "aggregate":
                return aggregate(n, op);
            case "cogroup": {
                CogroupedKStream<Object, Object> c = null;
                for (int i = 0; i < n.get("in").size(); i++) {
                    Aggregator<Object, Object, Object> a = aggregator(n.get("aggregators").get(i).asText());
                    KGroupedStream<Object, Object> g = (KGroupedStream<Object, Object>) in(n, i);
                    c = c == null ? g.cogroup(a) : c.cogroup(g, a);
                }
                return c;
            }
            case "tableJoin": {
                ValueJoiner<Object, Object, Object> j = valueJoiner(n);
                KTable<Object, Object> l = table(n, 0);
                KTable<Object, Object> r = table(n, 1);
                boolean store = n.has("store");
                return switch (n.get("type").asText()) {
                    case "inner" -> store ? l.join(r, j, materialized(n, ANY)) : l.join(r, j);
                    case "left" -> store ? l.leftJoin(r, j, materialized(n, ANY)) : l.leftJoin(r, j);
                    default -> store ? l.outerJoin(r, j, materialized(n, ANY)) : l.outerJoin(r, j);
                };
            }
            case "fkJoin": {
                ValueJoiner<Object, Object, Object> j = valueJoiner(n);
                Functions.Fn f = Functions.fn(n.get("fk").asText());
                java.util.function.BiFunction<Object, Object, Object> fk = (k, v) -> f.apply(k, v);
                Materialized m = materialized(n, ANY);
                return n.get("type").asText().equals("inner")
                        ? table(n, 0).join(table(n, 1), fk, j, m) : table(n, 0).leftJoin(table(n, 1), fk, j, m);
            }
            case "suppress":
                remember(n);
                return table(n, 0).suppress((Suppressed) suppressed(n));
            case "streamJoin": {
                Functions.Joiner j = Functions.joiner(n.get("joiner").asText());
                ValueJoinerWithKey<Object, Object, Object, Object> jk = (k, l, r) -> j.apply(k, l, r);
                JoinWindows w = JoinWindows.ofTimeDifferenceAndGrace(Duration.ZERO, ms(n, "graceMs"))
                        .before(ms(n, "beforeMs")).after(ms(n, "afterMs"));
                StreamJoined<Object, Object, Object> with = StreamJoined.with(ANY, ANY, ANY);
                return switch (n.get("type").asText()) {
                    case "inner" -> stream(n, 0).join(stream(n, 1), jk, w, with);
                    case "left" -> stream(n, 0).leftJoin(stream(n, 1), jk, w, with);
                    default -> stream(n, 0).outerJoin(stream(n, 1), jk, w, with);
                };
            }
            case "streamTableJoin": {
                Functions.Joiner j = Functions.joiner(n.get("joiner").asText());
                ValueJoinerWithKey<Object, Object, Object, Object> jk = (k, l, r) -> j.apply(k, l, r);
                Joined<Object, Object, Object> with = n.has("graceMs")
                        ? Joined.with(ANY, ANY, ANY, "join-" + unnamed++, ms(n, "graceMs")) : Joined.with(ANY, ANY, ANY);
                return n.get("type").asText().equals("inner")
                        ? stream(n, 0).join(table(n, 1), jk, with) : stream(n, 0).leftJoin(table(n, 1), jk, with);
            }
            case "streamGlobalJoin": {
                Functions.Joiner j = Functions.joiner(n.get("joiner").asText());
                ValueJoinerWithKey<Object, Object, Object, Object> jk = (k, l, r) -> j.apply(k, l, r);
                Functions.Fn kf = Functions.fn(n.get("keyFn").asText());
                GlobalKTable<Object, Object> g = (GlobalKTable<Object, Object>) in(n, 1);
                return n.get("type").asText().equals("inner")
                        ? stream(n, 0).join(g, (k, v) -> (Object) kf.apply(k, v), jk)
                        : stream(n, 0).leftJoin(g, (k, v) -> (Object) kf.apply(k, v), jk);
            }
            default:
                throw new IllegalArgumentException("operator " + op);
        }
    }

    /** Names of their own: one group may be aggregated twice. */
    private Grouped<Object, Object> grouped() {
        return Grouped.with("group-" + unnamed++, ANY, ANY);
    }

    /** A table made of a windowed one is windowed. */
    private void remember(JsonNode n) {
        JsonNode w = windows.get(n.get("in").get(0).asText());
        if (w != null) {
            windows.put(n.get("id").asText(), w);
        }
    }

    private String name(JsonNode n, Kind kind) {
        String name = text(n, "store");
        if (name == null) {
            return "unnamed-" + unnamed++;
        }
        stores.put(name, kind);
        return name;
    }

    private Materialized materialized(JsonNode n, Serde<?> values) {
        JsonNode w = n.has("id") ? windows.get(n.get("id").asText()) : null;
        if (w != null) {
            throw new IllegalArgumentException("a store of a table made of a windowed one");
        }
        Materialized<Object, Object, StateStore> m = Materialized.as(name(n, Kind.KEY_VALUE));
        return m.withKeySerde(ANY).withValueSerde((Serde<Object>) values);
    }

    private static ValueJoiner<Object, Object, Object> valueJoiner(JsonNode n) {
        Functions.Joiner j = Functions.joiner(n.get("joiner").asText());
        return (l, r) -> j.apply(null, l, r);
    }

    private static Aggregator<Object, Object, Object> aggregator(String text) {
        Functions.Agg a = Functions.agg(text);
        return (k, v, agg) -> a.apply(k, v, agg);
    }

    private Object windowedBy(JsonNode n) {
        String type = n.get("type").asText();
        Object in = in(n, 0);
        windows.put(n.get("id").asText(), n);
        boolean onClose = "onWindowClose".equals(text(n, "emit"));
        Duration grace = ms(n, "graceMs");
        if (type.equals("session")) {
            SessionWindows w = SessionWindows.ofInactivityGapAndGrace(ms(n, "gapMs"), grace);
            if (in instanceof CogroupedKStream c) {
                return c.windowedBy(w);
            }
            SessionWindowedKStream<Object, Object> out = ((KGroupedStream<Object, Object>) in).windowedBy(w);
            return onClose ? out.emitStrategy(EmitStrategy.onWindowClose()) : out;
        }
        TimeWindowedKStream<Object, Object> out;
        if (type.equals("sliding")) {
            SlidingWindows w = SlidingWindows.ofTimeDifferenceAndGrace(ms(n, "diffMs"), grace);
            if (in instanceof CogroupedKStream c) {
                return c.windowedBy(w);
            }
            out = ((KGroupedStream<Object, Object>) in).windowedBy(w);
        } else {
            TimeWindows w = TimeWindows.ofSizeAndGrace(ms(n, "sizeMs"), grace);
            if (type.equals("hopping")) {
                w = w.advanceBy(ms(n, "advanceMs"));
            }
            if (in instanceof CogroupedKStream c) {
                return c.windowedBy(w);
            }
            out = ((KGroupedStream<Object, Object>) in).windowedBy(w);
        }
        return onClose ? out.emitStrategy(EmitStrategy.onWindowClose()) : out;
    }

    private Object aggregate(JsonNode n, String op) {
        Object in = in(n, 0);
        JsonNode w = windows.get(n.get("in").get(0).asText());
        Kind kind = w == null ? Kind.KEY_VALUE : w.get("type").asText().equals("session") ? Kind.SESSION : Kind.WINDOW;
        Materialized m = Materialized.as(name(n, kind));
        m = m.withKeySerde(ANY).withValueSerde(op.equals("count") ? new Values.Counts() : ANY);
        if (n.has("retentionMs")) {
            m = m.withRetention(ms(n, "retentionMs"));
        }
        if (w != null) {
            windows.put(n.get("id").asText(), w);
        }
        String init = text(n, "init");
        Reducer<Object> reducer = null;
        if (n.has("reducer")) {
            Functions.Fn f = Functions.reducer(n.get("reducer").asText());
            reducer = f::apply;
        }
        if (in instanceof KGroupedTable g) {
            if (op.equals("count")) {
                return g.count(m);
            }
            if (op.equals("reduce")) {
                Functions.Fn add = Functions.reducer(n.get("adder").asText());
                Functions.Fn sub = Functions.reducer(n.get("subtractor").asText());
                return g.reduce((Reducer) add::apply, (Reducer) sub::apply, m);
            }
            return g.aggregate(() -> init, aggregator(n.get("adder").asText()), aggregator(n.get("subtractor").asText()), m);
        }
        if (in instanceof KGroupedStream g) {
            return op.equals("count") ? g.count(m) : op.equals("reduce") ? g.reduce(reducer, m)
                    : g.aggregate(() -> init, aggregator(n.get("aggregator").asText()), m);
        }
        if (in instanceof TimeWindowedKStream g) {
            return op.equals("count") ? g.count(m) : op.equals("reduce") ? g.reduce(reducer, m)
                    : g.aggregate(() -> init, aggregator(n.get("aggregator").asText()), m);
        }
        Merger<Object, Object> merger = null;
        if (n.has("merger")) {
            Functions.Merger f = Functions.merger(n.get("merger").asText());
            merger = f::apply;
        }
        if (in instanceof SessionWindowedKStream g) {
            return op.equals("count") ? g.count(m) : op.equals("reduce") ? g.reduce(reducer, m)
                    : g.aggregate(() -> init, aggregator(n.get("aggregator").asText()), merger, m);
        }
        if (in instanceof CogroupedKStream c) {
            return c.aggregate(() -> init, m);
        }
        if (in instanceof TimeWindowedCogroupedKStream c) {
            return c.aggregate(() -> init, m);
        }
        return ((SessionWindowedCogroupedKStream) in).aggregate(() -> init, merger, m);
    }

    private static Suppressed<?> suppressed(JsonNode n) {
        boolean bounded = n.has("maxRecords");
        long max = bounded ? n.get("maxRecords").asLong() : 0;
        if (n.get("until").asText().equals("windowCloses")) {
            return Suppressed.untilWindowCloses(bounded
                    ? Suppressed.BufferConfig.maxRecords(max).shutDownWhenFull() : Suppressed.BufferConfig.unbounded());
        }
        if (!bounded) {
            return Suppressed.untilTimeLimit(ms(n, "limitMs"), Suppressed.BufferConfig.unbounded());
        }
        var buffer = Suppressed.BufferConfig.maxRecords(max);
        return Suppressed.untilTimeLimit(ms(n, "limitMs"),
                "shutDown".equals(text(n, "whenFull")) ? buffer.shutDownWhenFull() : buffer.emitEarlyWhenFull());
    }

    private Object process(JsonNode n) {
        String fn = n.get("fn").asText();
        String store = text(n, "store");
        if (fn.startsWith("dedupWindow:")) {
            long w = Long.parseLong(Functions.parse(fn)[1]);
            store = name(n, Kind.PLAIN_WINDOW);
            Duration retention = Duration.ofMillis(Math.max(1, 10 * w));
            builder.addStateStore(Stores.windowStoreBuilder(
                    Stores.persistentWindowStore(store, retention, Duration.ofMillis(w), false), ANY, ANY));
        } else if (store != null) {
            store = name(n, Kind.PLAIN);
            builder.addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(store), ANY, ANY));
        }
        String named = store;
        return named == null ? stream(n, 0).process(() -> new Processors(fn, null))
                : stream(n, 0).process(() -> new Processors(fn, named), named);
    }
}
