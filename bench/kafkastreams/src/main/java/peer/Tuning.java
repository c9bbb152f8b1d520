package peer;

import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.WriteBufferManager;

/** What somebody who knows Kafka Streams sets for throughput: larger batches, compression, bounded and shared RocksDB memory. */
final class Tuning {
    private Tuning() { }

    static Properties config(final Map<String, String> flags) {
        final Properties p = new Properties();
        // The task.
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, flags.get("app"));
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, flags.get("brokers"));
        p.put(StreamsConfig.STATE_DIR_CONFIG, flags.get("state"));
        p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, flags.get("commit-ms"));
        p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, flags.get("threads"));
        final long cacheMiB = flags.get("workload").equals("count-nocache") ? 0 : Long.parseLong(flags.get("cache-mb"));
        p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, cacheMiB << 20);
        p.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        p.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);

        // Fewer nodes and internal topics, where the topology allows it.
        p.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, StreamsConfig.OPTIMIZE);
        // Reading: many records at a time.
        p.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 5000);
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5000);
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 << 20);
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.RECEIVE_BUFFER_CONFIG), 1 << 20);
        p.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG), 100);
        p.put(StreamsConfig.restoreConsumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 20_000);
        // Writing: large compressed batches.
        p.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 20);
        p.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 << 10);
        p.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 64L << 20);
        p.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        // A restart takes its own place in the group again.
        p.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG), Path.of(flags.get("state")).getFileName().toString());
        p.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), 6000);
        p.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG), 1500);
        p.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, Rocks.class);
        return p;
    }

    /** One block cache of 256 MiB and memtables of 128 MiB for all stores of the process. */
    public static final class Rocks implements RocksDBConfigSetter {
        private static final LRUCache BLOCKS = new LRUCache(256L << 20, -1, false, 0.1);
        private static final WriteBufferManager MEMTABLES = new WriteBufferManager(128L << 20, BLOCKS);

        @Override
        public void setConfig(final String store, final Options options, final Map<String, Object> configs) {
            final BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
            table.setBlockCache(BLOCKS);
            table.setBlockSize(4 << 10);
            table.setCacheIndexAndFilterBlocks(true);
            table.setCacheIndexAndFilterBlocksWithHighPriority(true);
            table.setPinTopLevelIndexAndFilter(true);
            options.setTableFormatConfig(table);
            options.setWriteBufferManager(MEMTABLES);
            options.setWriteBufferSize(16 << 20);
            options.setMaxWriteBufferNumber(3);
        }

        @Override
        public void close(final String store, final Options options) {
            // What all stores share is not closed with one of them.
        }
    }
}
