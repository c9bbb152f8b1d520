package recorder;

import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;

/** Serdes of values: text in UTF-8. What is read is a string, and of counts a Long. */
public class Values implements Serde<Object> {
    @Override
    public Serializer<Object> serializer() {
        return (topic, v) -> v == null ? null : Functions.s(v).getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public Deserializer<Object> deserializer() {
        return (topic, b) -> b == null ? null : new String(b, StandardCharsets.UTF_8);
    }

    /** The serde of counts. */
    static class Counts implements Serde<Object> {
        @Override
        public Serializer<Object> serializer() {
            return new Values().serializer();
        }

        @Override
        public Deserializer<Object> deserializer() {
            return (topic, b) -> b == null ? null : Long.valueOf(new String(b, StandardCharsets.UTF_8));
        }
    }
}
