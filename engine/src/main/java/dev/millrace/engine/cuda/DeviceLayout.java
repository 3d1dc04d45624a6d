package dev.millrace.engine.cuda;

import dev.millrace.kernels.cuda.CudaActivations;
import dev.millrace.kernels.cuda.PreparedRows;

/** Hands out addresses one after the other from a base: of device memory, or 0 to add sizes up. */
final class DeviceLayout {

    private static final int ALIGNMENT_BYTES = 256;

    private final long base;
    private long taken;

    DeviceLayout(long base) {
        this.base = base;
    }

    long take(long bytes) {
        long address = base + taken;
        taken = Math.addExact(taken, Math.ceilDiv(bytes, ALIGNMENT_BYTES) * ALIGNMENT_BYTES);
        return address;
    }

    long floats(long count) {
        return take(Math.multiplyExact(count, Float.BYTES));
    }

    long ints(long count) {
        return take(Math.multiplyExact(count, Integer.BYTES));
    }

    PreparedRows prepared(int rows, int columns, CudaActivations activations) {
        return PreparedRows.at(take(PreparedRows.bytes(rows, columns, activations)), rows, columns,
                activations);
    }

    /** Bytes handed out. */
    long taken() {
        return taken;
    }
}
