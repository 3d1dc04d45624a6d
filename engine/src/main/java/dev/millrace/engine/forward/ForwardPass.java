package dev.millrace.engine.forward;

/**
 * One model on one device. Not thread-safe: the device lane admits one step at a time.
 */
public interface ForwardPass extends AutoCloseable {

    CacheGeometry cacheGeometry();

    /** Memory that weights, cache and buffers take on the device, in bytes. */
    DeviceMemory memory();

    /** What opening it took; nothing for one that was not measured. */
    default OpenTimes openTimes() {
        return OpenTimes.NONE;
    }

    /**
     * Computes one step: writes keys and values of every row's tokens to the cache and produces
     * what each row asked for.
     *
     * @throws IllegalArgumentException if the batch breaks the contract of {@link StepBatch};
     *                                  nothing has run then
     */
    StepResult step(StepBatch batch);

    @Override
    void close();

    /**
     * Bytes taken on the device.
     *
     * @param stepWeightBytes of {@code weightBytes}, what a step of one token reads: all but an
     *                        embedding that is only looked up, and experts that are not chosen
     */
    record DeviceMemory(long weightBytes, long stepWeightBytes, long cacheBytes, long bufferBytes) {

        public long totalBytes() {
            return weightBytes + cacheBytes + bufferBytes;
        }
    }

    /**
     * Time that a device spent before the first request.
     *
     * @param loadNanos   weights packed and memory taken
     * @param warmUpNanos steps that nobody asked for, so that the first that somebody asks for is
     *                    as fast as any
     */
    record OpenTimes(long loadNanos, long warmUpNanos) {

        public static final OpenTimes NONE = new OpenTimes(0, 0);
    }
}
