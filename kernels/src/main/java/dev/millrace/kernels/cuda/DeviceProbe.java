package dev.millrace.kernels.cuda;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * How fast a device reads its memory, copies it, and multiplies halves with its tensor cores, just
 * now: what a model's speed is held against. Owns memory of its own on the device. One thread at a
 * time.
 */
public final class DeviceProbe implements AutoCloseable {

    /** Threads of a block of the kernels. */
    private static final int THREADS = 256;
    private static final int WARPS = THREADS / 32;
    private static final int MOST_BLOCKS = 2048;
    /** Read by each thread at once: four loads of 16 bytes. */
    private static final int THREAD_BYTES = 64;
    /** A warp does eight products of (16, 16) by (16, 8) in every round. */
    private static final double WARP_ROUND_FLOPS = 8 * 2.0 * 16 * 16 * 8;

    private final CudaDevice device;
    private final Size size;
    private final long memory;
    private final long sums;
    private final int readBlocks;
    private final CudaFunction read;
    private final CudaFunction multiply;

    /**
     * How much is done to measure.
     *
     * @param bytes          of device memory to read, a multiple of 512, far beyond its caches
     * @param multiplyBlocks blocks of threads that multiply
     * @param multiplyRounds products of each of them
     * @param repeats        of everything, between two looks at the clock
     */
    public record Size(long bytes, int multiplyBlocks, int multiplyRounds, int repeats) {

        /** Some milliseconds on the largest of today's devices. */
        public static final Size USUAL = new Size(1L << 30, 4096, 1024, 16);

        private static final long LEAST_BYTES = 512;

        public Size {
            if (bytes < 512 || bytes % 512 != 0 || bytes > 16L * Integer.MAX_VALUE
                    || multiplyBlocks < 1 || multiplyRounds < 1 || repeats < 1) {
                throw new IllegalArgumentException("a probe reads a multiple of 512 bytes, at most"
                        + " 32 GiB, and does everything at least once, got " + bytes + " bytes, "
                        + multiplyBlocks + " blocks, " + multiplyRounds + " rounds, " + repeats
                        + " repeats");
            }
        }

        /** The same of less memory, where there is not as much. */
        public Size within(long mostBytes) {
            return new Size(Math.min(bytes, Math.max(LEAST_BYTES, mostBytes / 512 * 512)),
                    multiplyBlocks, multiplyRounds, repeats);
        }

        /** Device memory that a probe takes. */
        public long deviceBytes() {
            return bytes + sumBytes();
        }

        private long sumBytes() {
            return (long) Math.max(MOST_BLOCKS * WARPS, multiplyBlocks * THREADS) * Integer.BYTES;
        }
    }

    /**
     * @param kernels compiled for the device
     * @throws CudaMemoryException if its memory is taken
     */
    public DeviceProbe(CudaDeviceInfo info, byte[] kernels, Size size) {
        this.size = size;
        device = CudaDevice.open(info, kernels);
        try {
            memory = device.allocate(size.bytes());
            sums = device.allocate(size.sumBytes());
            device.clear(memory, size.bytes());
            read = device.function("probeRead");
            multiply = device.function("probeTensorCores");
        } catch (RuntimeException | Error e) {
            device.close();
            throw e;
        }
        readBlocks = Math.clamp(size.bytes() / (THREADS * THREAD_BYTES), 1, MOST_BLOCKS);
        device.synchronize();
    }

    /** Bytes read per second, in GB/s. */
    public double readGigabytesPerSecond() {
        return size.bytes() / nanos(this::read);
    }

    /** Bytes read and bytes written per second while memory is copied, in GB/s. */
    public double copyGigabytesPerSecond() {
        long half = size.bytes() / 2;
        return size.bytes() / nanos(() -> device.copy(memory, memory + half, half));
    }

    /** Operations per second on halves with sums in floats, in TFLOP/s. */
    public double teraflops() {
        double flops = WARP_ROUND_FLOPS * WARPS * size.multiplyRounds() * size.multiplyBlocks();
        return flops / nanos(this::multiply) / 1000;
    }

    /** Nanoseconds that something takes, on average over the repeats. */
    private double nanos(Runnable work) {
        device.makeCurrent();
        work.run();
        device.synchronize();
        long started = System.nanoTime();
        for (int i = 0; i < size.repeats(); i++) {
            work.run();
        }
        device.synchronize();
        return (double) (System.nanoTime() - started) / size.repeats();
    }

    private void read() {
        read.begin().with(memory).with(sums).with((int) (size.bytes() / 16)).with(0)
                .launch(readBlocks, 1, 1, THREADS, 0);
    }

    private void multiply() {
        multiply.begin().with(sums).with(size.multiplyRounds()).with(0)
                .launch(size.multiplyBlocks(), 1, 1, THREADS, 0);
    }

    /** The exclusive or of all ints that are read, for tests. @param content of the memory */
    int readOnce(int[] content) {
        device.makeCurrent();
        MemorySegment pinned = device.pin(Math.max(size.bytes(), size.sumBytes()));
        MemorySegment.copy(content, 0, pinned, ValueLayout.JAVA_INT, 0, content.length);
        device.upload(pinned.asSlice(0, size.bytes()), memory);
        read();
        device.download(sums, pinned.asSlice(0, (long) readBlocks * WARPS * Integer.BYTES));
        device.synchronize();
        int sum = 0;
        for (int i = 0; i < readBlocks * WARPS; i++) {
            sum ^= pinned.getAtIndex(ValueLayout.JAVA_INT, i);
        }
        device.unpin(pinned);
        return sum;
    }

    /** What every thread's sums add up to, for tests. */
    float[] multiplyOnce() {
        device.makeCurrent();
        multiply();
        float[] all = new float[size.multiplyBlocks() * THREADS];
        MemorySegment pinned = device.pin((long) all.length * Float.BYTES);
        device.download(sums, pinned);
        device.synchronize();
        MemorySegment.copy(pinned, ValueLayout.JAVA_FLOAT, 0, all, 0, all.length);
        device.unpin(pinned);
        return all;
    }

    @Override
    public void close() {
        device.close();
    }
}
