package dev.millrace.kernels.cuda;

import dev.millrace.kernels.KernelException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.cuda.cudart.CUctx_st;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUgraph_st;
import org.bytedeco.cuda.cudart.CUlaunchAttribute;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;

import static org.bytedeco.cuda.global.cudart.*;

/**
 * One GPU: its memory, its kernels, and one stream in which everything happens in the order of the
 * calls. Calls return before the device has done what they ask, until {@link #synchronize}.
 *
 * <p>One thread at a time, which calls {@link #makeCurrent} first.
 */
public final class CudaDevice implements AutoCloseable {

    private static final int STREAM_NON_BLOCKING = 1;
    private static final int LEAST_OVERLAPPING_CAPABILITY = 90;
    static final int OUT_OF_MEMORY = 2;
    private static final String FINISH = "finish what it was doing";
    private static final String RECORD = "record a step";

    private final CudaDeviceInfo info;
    private final CUctx_st context = new CUctx_st();
    private final CUstream_st stream = new CUstream_st();
    private final CUmod_st module = new CUmod_st();
    private final Map<String, CudaFunction> functions = new HashMap<>();
    private final Map<Long, Long> allocations = new HashMap<>(); // address to bytes
    private final Set<Long> pinned = new HashSet<>();
    private final List<CudaGraph> graphs = new ArrayList<>();
    private final List<Runnable> endings = new ArrayList<>();
    private final Arena arena = Arena.ofShared();
    private final CUlaunchAttribute overlap = new CUlaunchAttribute();
    private int multiprocessors;
    private int sharedBytes;
    private boolean overlaps;
    private boolean lastIsKernel;
    private boolean capturing;
    private long launches;
    private Runnable watch; // null for none
    private volatile boolean lost; // others may look after a device that a thread launches on
    private boolean closed;

    static {
        // Its own count of memory would take mapped models for leaks.
        if (System.getProperty("org.bytedeco.javacpp.maxPhysicalBytes") == null) {
            System.setProperty("org.bytedeco.javacpp.maxPhysicalBytes", "0");
        }
    }

    private CudaDevice(CudaDeviceInfo info) {
        this.info = info;
        overlap.id(CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION);
        overlap.value().programmaticStreamSerializationAllowed(1);
    }

    /**
     * Starts a device that the probe found.
     *
     * @param kernels the compiled kernels, for this device's architecture
     * @throws KernelException if the driver refuses; says what it was and why
     */
    public static CudaDevice open(CudaDeviceInfo info, byte[] kernels) {
        CudaDevice device = new CudaDevice(info);
        try {
            device.start(kernels);
            return device;
        } catch (RuntimeException | Error e) {
            device.close();
            throw e;
        }
    }

    private void start(byte[] kernels) {
        check(cuInit(0), "start");
        multiprocessors = attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT,
                "count its multiprocessors");
        sharedBytes = attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN,
                "tell its shared memory");
        check(cuDevicePrimaryCtxRetain(context, info.handle()), "make a context");
        makeCurrent();
        check(cuStreamCreate(stream, STREAM_NON_BLOCKING), "make a stream");
        try (BytePointer image = new BytePointer(kernels)) {
            check(cuModuleLoadData(module, image), "load the kernels");
        }
    }

    private int attribute(int attribute, String what) {
        int[] value = new int[1];
        check(cuDeviceGetAttribute(value, attribute, info.handle()), what);
        return value[0];
    }

    public CudaDeviceInfo info() {
        return info;
    }

    int multiprocessors() {
        return multiprocessors;
    }

    /** Most shared memory that a block of threads may ask for. */
    int sharedBytes() {
        return sharedBytes;
    }

    /** Has something done when the device is closed, and has done what it was asked for. */
    void whenClosed(Runnable ending) {
        endings.add(ending);
    }

    /** What libraries know the stream by, to queue something of their own. */
    MemorySegment streamHandle() {
        lastIsKernel = false;
        return MemorySegment.ofAddress(stream.address());
    }

    /** Lets the calling thread use the device. */
    public void makeCurrent() {
        check(cuCtxSetCurrent(context), "be used by this thread");
    }

    /** Memory that is free now, in bytes. */
    public long freeBytes() {
        try (SizeTPointer free = new SizeTPointer(1); SizeTPointer total = new SizeTPointer(1)) {
            check(cuMemGetInfo(free, total), "tell its memory");
            return free.get();
        }
    }

    /**
     * Takes memory, whose content is undefined, until {@link #free} or the device is closed.
     *
     * @return its address
     * @throws CudaMemoryException if there is not enough
     */
    public long allocate(long bytes) {
        try (LongPointer address = new LongPointer(1)) {
            int error = cuMemAlloc(address, bytes);
            if (error == OUT_OF_MEMORY) {
                throw new CudaMemoryException("the " + info.name() + " has " + freeBytes()
                        + " bytes of memory left, and " + bytes + " more were needed");
            }
            check(error, "give " + bytes + " bytes");
            allocations.put(address.get(), bytes);
            return address.get();
        }
    }

    /** Gives memory back, once all that was asked for before is done. */
    public void free(long address) {
        if (allocations.remove(address) == null) {
            throw new IllegalArgumentException("nothing was allocated at " + address);
        }
        synchronize();
        check(cuMemFree(address), "free memory");
    }

    /** Host memory that the device reads and writes by itself, until {@link #unpin}. */
    @SuppressWarnings("restricted")
    public MemorySegment pin(long bytes) {
        try (PointerPointer<?> address = new PointerPointer<>(1)) {
            int error = cuMemHostAlloc(address, bytes, 0);
            if (error == OUT_OF_MEMORY) {
                throw new CudaMemoryException("the system lets the driver pin no " + bytes
                        + " bytes of memory; see ulimit -l");
            }
            check(error, "pin " + bytes + " bytes of host memory");
            long at = address.get().address();
            pinned.add(at);
            return MemorySegment.ofAddress(at).reinterpret(bytes);
        }
    }

    /** Gives pinned memory back. */
    public void unpin(MemorySegment memory) {
        if (!pinned.remove(memory.address())) {
            throw new IllegalArgumentException("this is no pinned memory: " + memory);
        }
        synchronize();
        check(cuMemFreeHost(new RawPointer(memory)), "free pinned memory");
    }

    /** Copies to the device. @param source native memory that stays as it is until then */
    public void upload(MemorySegment source, long target) {
        lastIsKernel = false;
        check(cuMemcpyHtoDAsync(target, new RawPointer(source), source.byteSize(), stream),
                "take " + source.byteSize() + " bytes");
    }

    /** Copies from the device. @param target native memory */
    public void download(long source, MemorySegment target) {
        lastIsKernel = false;
        check(cuMemcpyDtoHAsync(new RawPointer(target), source, target.byteSize(), stream),
                "give back " + target.byteSize() + " bytes");
    }

    /** Copies within the device. */
    public void copy(long source, long target, long bytes) {
        lastIsKernel = false;
        check(cuMemcpyDtoDAsync(target, source, bytes, stream), "copy " + bytes + " bytes");
    }

    /** Sets bytes to zero. */
    public void clear(long target, long bytes) {
        lastIsKernel = false;
        check(cuMemsetD8Async(target, (byte) 0, bytes, stream), "clear " + bytes + " bytes");
    }

    /** Waits until everything is done that was asked for. */
    public void synchronize() {
        if (watch == null) {
            check(cuStreamSynchronize(stream), FINISH);
        } else {
            WatchedWait.until(this::isIdle, () -> {
                watch.run();
                makeCurrent();
            });
        }
    }

    /** Whether everything is done that was asked for. */
    boolean isIdle() {
        int error = cuStreamQuery(stream);
        if (error == CUDA_ERROR_NOT_READY) {
            return false;
        }
        check(error, FINISH);
        return true;
    }

    /**
     * Has something looked after while the device is waited for, which throws to end the wait.
     *
     * @param watch may make another device current; null for nothing
     */
    void watchWaits(Runnable watch) {
        this.watch = watch;
    }

    /**
     * Records what is queued meanwhile, without doing any of it: kernels and copies, with the
     * addresses and numbers that they are given now. Memory is neither taken nor given back then,
     * and nothing waited for.
     *
     * @return to be launched as often as wanted; closed with the device
     * @throws CudaMemoryException if the device has no memory left for it
     */
    public CudaGraph capture(Runnable queueing) {
        beginCapture();
        try {
            queueing.run();
        } catch (RuntimeException | Error e) {
            dropCapture();
            throw e;
        }
        return keep(endCapture());
    }

    /** Records what is queued from here on, until {@link #endCapture} or {@link #dropCapture}. */
    void beginCapture() {
        check(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL), RECORD);
        capturing = true;
        lastIsKernel = false;
    }

    /** What was recorded, for {@link #keep} once no device of the thread records any more. */
    CUgraph_st endCapture() {
        CUgraph_st recorded = new CUgraph_st();
        capturing = false;
        lastIsKernel = false;
        check(cuStreamEndCapture(stream, recorded), RECORD);
        return recorded;
    }

    /** Forgets what was recorded; nothing if the device does not record. */
    void dropCapture() {
        if (capturing) {
            capturing = false;
            lastIsKernel = false;
            CUgraph_st recorded = new CUgraph_st();
            if (cuStreamEndCapture(stream, recorded) == 0) {
                cuGraphDestroy(recorded);
            }
        }
    }

    /** @param recorded given up here */
    CudaGraph keep(CUgraph_st recorded) {
        CudaGraph graph = CudaGraph.of(this, stream, recorded);
        graphs.add(graph);
        return graph;
    }

    /** Gives up what was recorded, once what was launched of it is done. */
    void closeGraphs() {
        graphs.forEach(CudaGraph::close);
        graphs.clear();
    }

    void closeGraph(CudaGraph graph) {
        graphs.remove(graph);
        graph.close();
    }

    boolean isCapturing() {
        return capturing;
    }

    /** Kernels and graphs launched so far; what is captured is not launched. */
    public long launches() {
        return launches;
    }

    /**
     * From now on lets a kernel begin while the one before it still runs, where the device can
     * (compute capability 9.0 and later): kernels wait for their predecessor themselves.
     */
    public void overlapKernels() {
        overlaps = info.capability() >= LEAST_OVERLAPPING_CAPABILITY;
    }

    /** The attribute that says so. */
    CUlaunchAttribute overlap() {
        return overlap;
    }

    /** Whether the next launch may begin early: only kernels know when to let others begin. */
    boolean overlapsWithLast() {
        return overlaps && lastIsKernel;
    }

    /** A kernel was queued. */
    void kernelQueued() {
        lastIsKernel = true;
        countLaunch();
    }

    /** A graph was queued. */
    void graphQueued() {
        lastIsKernel = false;
        countLaunch();
    }

    private void countLaunch() {
        if (!capturing) {
            launches++;
        }
    }

    /** A kernel by its name. */
    CudaFunction function(String name) {
        return functions.computeIfAbsent(name, key -> {
            CUfunc_st function = new CUfunc_st();
            check(cuModuleGetFunction(function, module, key), "find the kernel " + key);
            return new CudaFunction(this, key, function, stream, arena);
        });
    }

    /**
     * @throws KernelException   with the driver's words if it is an error
     * @throws CudaLostException if it is one that stays; all methods may throw it
     */
    void check(int error, String what) {
        if (error != 0) {
            RuntimeException failure = CudaErrors.of(info, error, what);
            lost |= failure instanceof CudaLostException;
            throw failure;
        }
    }

    /** Whether an error was seen that stays. */
    boolean isLost() {
        return lost;
    }

    /** Frees everything; the device's errors no longer matter. */
    @Override
    public void close() {
        if (closed || context.isNull()) {
            return;
        }
        closed = true;
        cuCtxSetCurrent(context);
        if (!stream.isNull()) {
            cuStreamSynchronize(stream);
        }
        closeGraphs();
        endings.forEach(Runnable::run);
        allocations.keySet().forEach(address -> cuMemFree(address));
        for (long address : pinned) {
            cuMemFreeHost(new RawPointer(MemorySegment.ofAddress(address)));
        }
        if (!module.isNull()) {
            cuModuleUnload(module);
        }
        if (!stream.isNull()) {
            cuStreamDestroy(stream);
        }
        cuDevicePrimaryCtxRelease(info.handle());
        arena.close();
    }
}
