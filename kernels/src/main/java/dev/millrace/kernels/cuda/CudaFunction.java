package dev.millrace.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUlaunchConfig;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.Pointer;

import static org.bytedeco.cuda.global.cudart.*;

/**
 * One kernel, which takes one struct. Fill it field by field in the order of its declaration, then
 * {@link #launch}; the struct is copied at once, and its memory used again.
 */
final class CudaFunction {

    private static final int ARGUMENT_BYTES = 512;
    /** Dynamic shared memory that a kernel has without asking. */
    private static final int USUAL_SHARED_BYTES = 48 << 10;
    private static final int ALL_PERCENT = 100;

    private final CudaDevice device;
    private final String name;
    private final CUfunc_st function;
    private final CUlaunchConfig launch = new CUlaunchConfig();
    private final MemorySegment arguments;
    private final Pointer parameters;
    private int sharedLimit = USUAL_SHARED_BYTES;
    private long at;

    CudaFunction(CudaDevice device, String name, CUfunc_st function, CUstream_st stream,
            Arena arena) {
        this.device = device;
        this.name = name;
        this.function = function;
        arguments = arena.allocate(ARGUMENT_BYTES, Long.BYTES);
        parameters = new RawPointer(arguments);
        launch.blockDimY(1).blockDimZ(1).hStream(stream).attrs(device.overlap());
    }

    /** Has multiprocessors keep more of their memory for sharing, and less as a cache. */
    CudaFunction preferShared() {
        device.check(cuFuncSetAttribute(function,
                CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT, ALL_PERCENT),
                "share memory in " + name);
        return this;
    }

    /** Begins with the first field. */
    CudaFunction begin() {
        at = 0;
        return this;
    }

    /** A pointer to device memory; 0 for null. */
    CudaFunction with(long address) {
        arguments.set(ValueLayout.JAVA_LONG, at, address);
        at += Long.BYTES;
        return this;
    }

    CudaFunction with(int value) {
        arguments.set(ValueLayout.JAVA_INT, at, value);
        at += Integer.BYTES;
        return this;
    }

    CudaFunction with(float value) {
        arguments.set(ValueLayout.JAVA_FLOAT, at, value);
        at += Float.BYTES;
        return this;
    }

    CudaFunction with(boolean value) {
        return with(value ? 1 : 0);
    }

    /** The struct {@code Prepared}. */
    CudaFunction with(PreparedRows rows, int columns) {
        return with(rows.high()).with(rows.low()).with(rows.inverse()).with(rows.sums())
                .with(PreparedRows.stride(columns)).with(0);
    }

    /** Lets blocks of threads have so much dynamic shared memory, beyond the usual 48 KB. */
    void allowShared(int bytes) {
        device.check(cuFuncSetAttribute(function,
                CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes),
                "give " + name + " " + bytes + " bytes of shared memory");
        sharedLimit = bytes;
    }

    /** Blocks of so many threads that the whole device holds at once, without dynamic memory. */
    int residentBlocks(int threads) {
        int[] blocks = new int[1];
        device.check(cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, function, threads, 0),
                "tell how many blocks of " + name + " run at once");
        return Math.max(1, blocks[0]) * device.multiprocessors();
    }

    /**
     * Runs the kernel: the presets make the list of parameters, which has one, of its pointer.
     *
     * @param sharedBytes of dynamic shared memory
     */
    void launch(int x, int y, int z, int threads, int sharedBytes) {
        if (at % Long.BYTES != 0) {
            throw new IllegalStateException("the arguments of " + name + " end at byte " + at
                    + ", which no struct with pointers does");
        }
        if (sharedBytes > sharedLimit) {
            allowShared(sharedBytes);
        }
        launch.gridDimX(x).gridDimY(y).gridDimZ(z).blockDimX(threads).sharedMemBytes(sharedBytes)
                .numAttrs(device.overlapsWithLast() ? 1 : 0);
        device.check(cuLaunchKernelEx(launch, function, parameters, null),
                "run " + name + " as " + x + " x " + y + " x " + z
                        + " blocks");
        device.kernelQueued();
    }
}
