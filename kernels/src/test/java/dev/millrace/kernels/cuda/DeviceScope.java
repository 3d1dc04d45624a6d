package dev.millrace.kernels.cuda;

import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cuda.CudaProduct.Part;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Device memory of one test, freed at its end. */
final class DeviceScope implements AutoCloseable {

    private final CudaDevice device;
    private final List<Long> addresses = new ArrayList<>();
    private final MemorySegment staging;

    DeviceScope(CudaDevice device) {
        this.device = device;
        staging = device.pin(4 << 20);
    }

    static float[] gaussians(int count, long seed) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    /** Memory whose content is undefined. */
    long allocate(long bytes) {
        addresses.add(device.allocate(bytes));
        return addresses.getLast();
    }

    long upload(float... values) {
        return upload(MemorySegment.ofArray(values));
    }

    long upload(int... values) {
        return upload(MemorySegment.ofArray(values));
    }

    long upload(byte[] values) {
        return upload(MemorySegment.ofArray(values));
    }

    private long upload(MemorySegment values) {
        long address = allocate(values.byteSize());
        MemorySegment.copy(values, 0, staging, 0, values.byteSize());
        device.upload(staging.asSlice(0, values.byteSize()), address);
        device.synchronize();
        return address;
    }

    /** A product of one matrix. */
    CudaProduct product(QuantTensor weights, long bias, long out, WorkerPool pool) {
        return product(List.of(new Part(matrix(weights, pool), bias, out)));
    }

    /** A product of several matrices. */
    CudaProduct product(List<Part> parts) {
        return new CudaKernels(device).describe(parts,
                allocate((long) parts.size() * CudaProduct.DESCRIPTOR_BYTES), staging);
    }

    CudaMatrix matrix(QuantTensor weights, WorkerPool pool) {
        return CudaMatrix.upload(device, weights,
                allocate(CudaMatrix.bytes(weights.format(), weights.shape())), staging, pool);
    }

    /** Rows of two halves. */
    PreparedRows prepared(int rows, int columns) {
        return prepared(rows, columns, CudaActivations.F16X2);
    }

    PreparedRows prepared(int rows, int columns, CudaActivations activations) {
        return PreparedRows.at(allocate(PreparedRows.bytes(rows, columns, activations)), rows,
                columns, activations);
    }

    float[] floats(long address, int count) {
        return download(address, (long) count * Float.BYTES).toArray(ValueLayout.JAVA_FLOAT);
    }

    int[] ints(long address, int count) {
        return download(address, (long) count * Integer.BYTES).toArray(ValueLayout.JAVA_INT);
    }

    byte[] bytes(long address, int count) {
        return download(address, count).toArray(ValueLayout.JAVA_BYTE);
    }

    private short[] shorts(long address, int count) {
        return download(address, (long) count * Short.BYTES).toArray(ValueLayout.JAVA_SHORT);
    }

    private MemorySegment download(long address, long bytes) {
        MemorySegment target = staging.asSlice(0, bytes);
        device.download(address, target);
        device.synchronize();
        return target;
    }

    /**
     * The numbers that rows were prepared from, (rows, columns). Checks on the way that columns
     * are filled up with zeros, and that sums are those of what was kept.
     */
    float[] restored(PreparedRows prepared, int rows, int columns) {
        int stride = PreparedRows.stride(columns);
        short[] high = shorts(prepared.high(), rows * stride);
        short[] low = prepared.activations() == CudaActivations.F16
                ? new short[rows * stride]
                : shorts(prepared.low(), rows * stride);
        float[] inverse = floats(prepared.inverse(), rows);
        float[] sums = floats(prepared.sums(), rows * stride / 16);
        float[] values = new float[rows * columns];
        for (int row = 0; row < rows; row++) {
            for (int group = 0; group < stride; group += 16) {
                float sum = 0;
                float magnitude = 0;
                for (int i = group; i < group + 16; i++) {
                    int place = row * stride + i / 32 * 32 + i % 16 / 4 * 8 + i % 32 / 16 * 4
                            + i % 4;
                    float kept = Float.float16ToFloat(high[place])
                            + Float.float16ToFloat(low[place]);
                    sum += kept;
                    magnitude += Math.abs(kept);
                    if (i < columns) {
                        values[row * columns + i] = kept * inverse[row];
                    } else if (kept != 0) {
                        throw new AssertionError("column " + i + " is " + kept);
                    }
                }
                float stored = sums[(row * stride + group) / 16];
                if (Math.abs(stored - sum) > 1e-6f * magnitude) {
                    throw new AssertionError("sum from column " + group + " of row " + row
                            + " is " + stored + ", of its halves " + sum);
                }
            }
        }
        return values;
    }

    @Override
    public void close() {
        addresses.forEach(device::free);
        device.unpin(staging);
    }
}
