import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.zip.GZIPInputStream;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TopologyTestDriver;

/** Prints what FlightDelays makes of the data in a directory, a result a line. */
public class Compare {
    public static void main(String[] args) throws Exception {
        Properties config = new Properties();
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, "flight-delays");
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "unused:9092");
        try (TopologyTestDriver driver = new TopologyTestDriver(FlightDelays.topology(), config)) {
            var airports = driver.createInputTopic("airports", new StringSerializer(), new StringSerializer());
            var lines = Files.readAllLines(Path.of(args[0], "airports.csv"));
            for (String line : lines.subList(1, lines.size())) {
                String[] columns = line.split(",(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)"); // commas outside of quotes
                airports.pipeInput(columns[0], "{\"state\":\"" + columns[3] + "\"}");
            }
            var flights = driver.createInputTopic("flights", new StringSerializer(), new StringSerializer());
            try (var rows = new BufferedReader(new InputStreamReader(
                    new GZIPInputStream(new FileInputStream(args[0] + "/flights-20k.jsonl.gz"))))) {
                for (String row; (row = rows.readLine()) != null; ) {
                    flights.pipeInput(null, row);
                }
            }
            var days = driver.createOutputTopic("delays-by-state", new StringDeserializer(), new StringDeserializer());
            while (!days.isEmpty()) {
                System.out.println(days.readValue());
            }
        }
    }
}
