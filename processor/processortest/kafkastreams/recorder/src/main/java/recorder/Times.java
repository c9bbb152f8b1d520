package recorder;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.streams.processor.FailOnInvalidTimestamp;
import org.apache.kafka.streams.processor.LogAndSkipOnInvalidTimestamp;
import org.apache.kafka.streams.processor.TimestampExtractor;
import org.apache.kafka.streams.processor.UsePartitionTimeOnInvalidTimestamp;

/** The extractors of timestamps that cases name. */
final class Times {
    private Times() {}

    static TimestampExtractor extractor(String text) {
        if (text == null) {
            return new FailOnInvalidTimestamp();
        }
        return switch (Functions.parse(text)[0]) {
            case "failOnInvalid" -> new FailOnInvalidTimestamp();
            case "logAndSkip" -> new LogAndSkipOnInvalidTimestamp();
            case "usePartitionTime" -> new UsePartitionTimeOnInvalidTimestamp();
            case "value" -> new OfValue(Functions.parse(text)[1]);
            default -> throw new IllegalArgumentException("extractor " + text);
        };
    }

    private record OfValue(String arg) implements TimestampExtractor {
        @Override
        public long extract(ConsumerRecord<Object, Object> r, long partitionTime) {
            String f = Functions.field(Functions.s(r.value()), arg);
            return Functions.isNum(f) ? Long.parseLong(f) : partitionTime;
        }
    }
}
