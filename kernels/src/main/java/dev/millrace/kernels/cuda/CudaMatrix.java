package dev.millrace.kernels.cuda;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.kernels.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicInteger;

/** A matrix in device memory, (rows, columns). */
public final class CudaMatrix {

    private final long address;
    private final MatrixLayout layout;

    private CudaMatrix(long address, MatrixLayout layout) {
        this.address = address;
        this.layout = layout;
    }

    /** Bytes that a matrix of such a format takes on a device. */
    public static long bytes(QuantFormat format, TensorShape shape) {
        return layout(format, shape).bytes();
    }

    /** What weights of a format are kept as, in words. */
    public static String form(QuantFormat format) {
        int columns = format.blockElements() * MatrixLayout.WIDE_COLUMNS;
        MatrixLayout layout = MatrixLayout.of(format, 1, columns);
        return layout.format().form(layout.minimums());
    }

    private static MatrixLayout layout(QuantFormat format, TensorShape shape) {
        return MatrixLayout.of(format, Math.toIntExact(shape.rows()),
                Math.toIntExact(shape.columns()));
    }

    /**
     * Lays a tensor out, by all workers together, and copies it to a device.
     *
     * @param address of {@link #bytes} on the device, a multiple of 256
     * @param staging pinned memory to copy through; free again when this returns
     */
    public static CudaMatrix upload(CudaDevice device, QuantTensor tensor, long address,
            MemorySegment staging, WorkerPool pool) {
        MatrixLayout layout = layout(tensor.format(), tensor.shape());
        int tileBytes = layout.codesBytes() + layout.extraBytes() + layout.scalesBytes()
                + layout.factorsBytes();
        int most = (int) Math.min(layout.tiles(), staging.byteSize() / tileBytes);
        if (most == 0) {
            throw new IllegalArgumentException("16 rows of a matrix of " + layout.columns()
                    + " columns take " + tileBytes + " bytes, more than the " + staging.byteSize()
                    + " to copy through");
        }
        CudaMatrix matrix = new CudaMatrix(address, layout);
        for (int first = 0; first < layout.tiles(); first += most) {
            matrix.uploadTiles(device, tensor, first, Math.min(layout.tiles(), first + most),
                    staging, pool);
        }
        return matrix;
    }

    /** Packs tiles plane by plane into the staging memory, and copies each plane at once. */
    private void uploadTiles(CudaDevice device, QuantTensor tensor, int first, int end,
            MemorySegment staging, WorkerPool pool) {
        int count = end - first;
        long extra = (long) count * layout.codesBytes();
        long scales = extra + (long) count * layout.extraBytes();
        long factors = scales + (long) count * layout.scalesBytes();
        AtomicInteger next = new AtomicInteger();
        pool.run((worker, workers) -> {
            TilePacker packer = new TilePacker(tensor, layout);
            for (int i = next.getAndIncrement(); i < count; i = next.getAndIncrement()) {
                packer.pack(first + i);
                copy(packer.codes(), staging, i);
                copy(packer.extra(), staging.asSlice(extra), i);
                copy(packer.scales(), staging.asSlice(scales), i);
                copy(packer.factors(), staging.asSlice(factors), i);
            }
        });
        upload(device, staging, 0, codes(), first, count, layout.codesBytes());
        upload(device, staging, extra, extra(), first, count, layout.extraBytes());
        upload(device, staging, scales, scales(), first, count, layout.scalesBytes());
        upload(device, staging, factors, factors(), first, count, layout.factorsBytes());
        device.synchronize();
    }

    private static void copy(byte[] plane, MemorySegment target, int tile) {
        MemorySegment.copy(plane, 0, target, ValueLayout.JAVA_BYTE, (long) tile * plane.length,
                plane.length);
    }

    private static void upload(CudaDevice device, MemorySegment staging, long offset, long plane,
            int first, int count, int tileBytes) {
        if (tileBytes > 0) {
            device.upload(staging.asSlice(offset, (long) count * tileBytes),
                    plane + (long) first * tileBytes);
        }
    }

    int rows() {
        return layout.rows();
    }

    int tiles() {
        return layout.tiles();
    }

    int columns() {
        return layout.columns();
    }

    DeviceFormat format() {
        return layout.format();
    }

    long codes() {
        return address;
    }

    /** Address of the plane; nothing is there where the format has none. */
    long extra() {
        return address + layout.extraOffset();
    }

    /** Whether the format has that plane. */
    boolean hasExtra() {
        return layout.extraBytes() > 0;
    }

    long scales() {
        return address + layout.scalesOffset();
    }

    long factors() {
        return address + layout.factorsOffset();
    }
}
