package dev.millrace.engine.forward;

import dev.millrace.models.LoraAdapter;

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
     * @throws DeviceLostException      if this and every later step must fail
     */
    StepResult step(StepBatch batch);

    /**
     * Places an adapter on the device, between steps.
     *
     * @param adapter opened for this model; owned by the pass from now on, unless this fails
     * @return the slot that rows name it by; never used again for another one
     * @throws BackendException if the device runs no adapters, or the memory that the budget set
     *                          aside for them is too little
     */
    default int loadAdapter(LoraAdapter adapter) {
        throw new BackendException("this backend runs no adapters");
    }

    /**
     * Frees an adapter, between steps.
     *
     * @throws IllegalArgumentException if there is none in this slot
     */
    default void unloadAdapter(int slot) {
        throw new IllegalArgumentException("there is no adapter in slot " + slot);
    }

    @Override
    void close();

    /**
     * Bytes taken on the device.
     *
     * @param stepWeightBytes of {@code weightBytes}, what a step of one token reads: all but an
     *                        embedding that is only looked up, and experts that are not chosen
     * @param adapterBytes    set aside for adapters
     */
    record DeviceMemory(long weightBytes, long stepWeightBytes, long cacheBytes, long bufferBytes,
            long adapterBytes) {

        /** Without adapters. */
        public DeviceMemory(long weightBytes, long stepWeightBytes, long cacheBytes,
                long bufferBytes) {
            this(weightBytes, stepWeightBytes, cacheBytes, bufferBytes, 0);
        }

        /** This and another model's together. */
        public DeviceMemory plus(DeviceMemory other) {
            return new DeviceMemory(weightBytes + other.weightBytes,
                    stepWeightBytes + other.stepWeightBytes, cacheBytes + other.cacheBytes,
                    bufferBytes + other.bufferBytes, adapterBytes + other.adapterBytes);
        }

        public long totalBytes() {
            return weightBytes + cacheBytes + bufferBytes + adapterBytes;
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
