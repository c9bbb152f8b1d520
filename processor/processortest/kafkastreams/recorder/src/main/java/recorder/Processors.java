package recorder;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.Cancellable;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.WindowStore;
import org.apache.kafka.streams.state.WindowStoreIterator;

/** The processors that cases name. */
final class Processors implements Processor<Object, Object, Object, Object> {
    private final String fn;
    private final String[] args;
    private final String store;
    private ProcessorContext<Object, Object> context;
    private KeyValueStore<Object, Object> kv;
    private WindowStore<Object, Object> windows;

    Processors(String text, String store) {
        String[] p = Functions.parse(text);
        this.fn = p[0];
        this.args = fn.equals("addHeader") ? Functions.parse(p[1]) : p[1].split(":", -1);
        this.store = store;
    }

    @Override
    public void init(ProcessorContext<Object, Object> context) {
        this.context = context;
        if (store != null) {
            if (fn.equals("dedupWindow")) {
                windows = context.getStateStore(store);
            } else {
                kv = context.getStateStore(store);
            }
        }
        switch (fn) {
            case "emitEvery", "drainEvery" -> context.schedule(Duration.ofMillis(Long.parseLong(args[1])), type(), this::emit);
            case "tick" -> context.schedule(Duration.ofMillis(Long.parseLong(args[1])), type(), this::tick);
            case "tickTimes" -> {
                Cancellable[] schedule = new Cancellable[1];
                int[] left = {Integer.parseInt(args[2])};
                schedule[0] = context.schedule(Duration.ofMillis(Long.parseLong(args[1])), type(), time -> {
                    tick(time);
                    if (--left[0] == 0) {
                        schedule[0].cancel();
                    }
                });
            }
            default -> { }
        }
    }

    private PunctuationType type() {
        return args[0].equals("stream") ? PunctuationType.STREAM_TIME : PunctuationType.WALL_CLOCK_TIME;
    }

    private void tick(long time) {
        context.forward(new Record<>("tick", String.valueOf(time), Math.max(0, time)));
    }

    private void emit(long time) {
        List<KeyValue<Object, Object>> all = new ArrayList<>();
        try (KeyValueIterator<Object, Object> it = kv.all()) {
            it.forEachRemaining(all::add);
        }
        for (KeyValue<Object, Object> e : all) {
            context.forward(new Record<>(e.key, e.value, Math.max(0, time)));
            if (fn.equals("drainEvery")) {
                kv.delete(e.key);
            }
        }
    }

    @Override
    public void process(Record<Object, Object> r) {
        Object k = r.key();
        Object v = r.value();
        switch (fn) {
            case "dedup" -> {
                if (k != null && kv.get(k) == null) {
                    kv.put(k, Functions.str(v));
                    context.forward(r);
                }
            }
            case "dedupWindow" -> {
                if (k == null) {
                    return;
                }
                long w = Long.parseLong(args[0]);
                try (WindowStoreIterator<Object> it = windows.fetch(k, Math.max(0, r.timestamp() - w), r.timestamp() + w)) {
                    if (it.hasNext()) {
                        return;
                    }
                }
                windows.put(k, Functions.str(v), r.timestamp());
                context.forward(r);
            }
            case "runningSum" -> {
                if (k == null) {
                    return;
                }
                String n = String.valueOf(Functions.num(kv.get(k)) + Functions.num(v));
                kv.put(k, n);
                context.forward(r.withValue(n));
            }
            case "onChange" -> {
                if (k == null) {
                    return;
                }
                Object old = kv.get(k);
                if (v == null) {
                    kv.delete(k);
                } else {
                    kv.put(k, v);
                }
                if (old == null ? v != null : v == null || !Functions.s(old).equals(Functions.s(v))) {
                    context.forward(r.withValue(Functions.str(old) + "->" + Functions.str(v)));
                }
            }
            case "emitEvery", "drainEvery" -> {
                if (k == null) {
                    return;
                }
                if (v == null) {
                    kv.delete(k);
                } else {
                    kv.put(k, v);
                }
            }
            case "tick", "tickTimes" -> context.forward(r);
            case "shiftTs" -> context.forward(r.withTimestamp(Math.max(0, r.timestamp() + Long.parseLong(args[0]))));
            case "addHeader" -> {
                Headers h = new RecordHeaders(r.headers());
                h.add(args[0], args[1].getBytes(java.nio.charset.StandardCharsets.UTF_8));
                context.forward(r.withHeaders(h));
            }
            case "clearHeaders" -> context.forward(r.withHeaders(new RecordHeaders()));
            case "twice" -> {
                context.forward(r);
                context.forward(r.withTimestamp(r.timestamp() + 1));
            }
            case "metadata" -> {
                var m = context.recordMetadata().orElseThrow();
                context.forward(r.withValue(m.topic() + "/" + m.partition() + "/" + m.offset() + "@" + r.timestamp()
                        + "~" + context.currentStreamTimeMs()));
            }
            default -> throw new IllegalArgumentException("processor " + fn);
        }
    }
}
