import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.WindowStore;

/**
 * The job of ../job.go as a Kafka Streams application: delay statistics of flights per state and day.
 * docs/coming-from-kafka-streams.md goes through both; compare.sh compares what they answer.
 */
public class FlightDelays {
    @JsonIgnoreProperties(ignoreUnknown = true)
    public record Flight(String date, long delay, String origin) {
        static final DateTimeFormatter LAYOUT = DateTimeFormatter.ofPattern("yyyy/MM/dd HH:mm");

        long departure() {
            return LocalDateTime.parse(date, LAYOUT).toInstant(ZoneOffset.UTC).toEpochMilli();
        }
    }

    @JsonIgnoreProperties(ignoreUnknown = true)
    public record Airport(String state) {}

    public record Departure(String state, long delay) {}

    public record Delays(long flights, long delayed, long minutes, long worst) {
        Delays add(Departure d) {
            return new Delays(flights + 1, delayed + (d.delay() > 15 ? 1 : 0), minutes + d.delay(),
                    flights == 0 ? d.delay() : Math.max(worst, d.delay()));
        }
    }

    public record Day(String state, String day, long flights, long delayed, long minutes, long worst) {
        static Day of(Windowed<String> w, Delays s) {
            String day = Instant.ofEpochMilli(w.window().start()).toString().substring(0, 10);
            return new Day(w.key(), day, s.flights(), s.delayed(), s.minutes(), s.worst());
        }
    }

    public static Topology topology() {
        StreamsBuilder builder = new StreamsBuilder();
        GlobalKTable<String, Airport> airports = builder.globalTable("airports",
                Consumed.with(Serdes.String(), json(Airport.class)));
        builder.stream("flights", Consumed.with(Serdes.String(), json(Flight.class))
                        .withTimestampExtractor((r, partitionTime) -> ((Flight) r.value()).departure()))
                .join(airports, (key, flight) -> flight.origin(),
                        (flight, airport) -> new Departure(airport.state(), flight.delay()))
                .groupBy((key, departure) -> departure.state(),
                        Grouped.with("state", Serdes.String(), json(Departure.class)))
                .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofDays(1), Duration.ofHours(1)))
                .aggregate(() -> new Delays(0, 0, 0, 0), (state, departure, delays) -> delays.add(departure),
                        Materialized.<String, Delays, WindowStore<Bytes, byte[]>>as("delays")
                                .withValueSerde(json(Delays.class)))
                .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()))
                .toStream()
                .map((window, delays) -> KeyValue.pair(window.key(), Day.of(window, delays)))
                .to("delays-by-state", Produced.with(Serdes.String(), json(Day.class)));
        return builder.build();
    }

    public static void main(String[] args) {
        Properties config = new Properties();
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, "flight-delays");
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "localhost:9092");
        config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        KafkaStreams streams = new KafkaStreams(topology(), config);
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }

    static final ObjectMapper MAPPER = new ObjectMapper();

    static <T> Serde<T> json(Class<T> type) {
        return Serdes.serdeFrom((topic, value) -> {
            try {
                return value == null ? null : MAPPER.writeValueAsBytes(value);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }, (topic, bytes) -> {
            try {
                return bytes == null ? null : MAPPER.readValue(bytes, type);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }
}
