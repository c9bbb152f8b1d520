package peer;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KafkaStreams.State;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/**
 * Runs one of the benchmark's workloads on Kafka Streams, with the command line of the other programs. It runs until SIGTERM,
 * and exits with status 2 if it does not know the workload, with 1 if it cannot go on.
 */
public final class Main {
    private Main() { }

    public static void main(final String[] args) throws InterruptedException {
        final Map<String, String> flags = new HashMap<>();
        for (int i = 0; i + 1 < args.length; i += 2) {
            flags.put(args[i].replaceFirst("^--", ""), args[i + 1]);
        }
        final var config = Tuning.config(flags);
        final Topology topology;
        try {
            topology = Workloads.declare(flags.get("workload"), flags.get("in").split(","), flags.get("out")).build(config);
        } catch (final IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.exit(2);
            return;
        }

        final KafkaStreams streams = new KafkaStreams(topology, config);
        final CountDownLatch broken = new CountDownLatch(1);
        streams.setUncaughtExceptionHandler(e -> {
            e.printStackTrace();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.setStateListener((now, before) -> {
            System.err.println(before + " -> " + now);
            if (now == State.ERROR) {
                broken.countDown();
            }
        });
        // The JVM's status after a SIGTERM would be 143: a clean end says 0.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            if (broken.getCount() > 0) {
                Runtime.getRuntime().halt(streams.close(Duration.ofSeconds(30)) ? 0 : 1);
            }
        }));
        streams.start();
        broken.await();
        System.exit(1);
    }
}
