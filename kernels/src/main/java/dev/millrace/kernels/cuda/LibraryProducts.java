package dev.millrace.kernels.cuda;

import dev.millrace.kernels.cuda.CudaProduct.Part;
import dev.millrace.kernels.cuda.cublaslt.CublasLt;
import dev.millrace.kernels.cuda.cublaslt.HalfProducts;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Products of many tokens by NVIDIA's library, as those of halves with sums in floats: weights are
 * rounded to halves after a power of two per matrix, activations to one or two. The library adds up
 * in an order of its own for every shape, so bits depend on how many tokens a step has.
 */
public final class LibraryProducts {

    private static final Logger LOG = System.getLogger(LibraryProducts.class.getName());

    /** Fewer tokens than this take longer by making halves of the weights than they save. */
    private static final int LEAST_TOKENS = 512;
    /** The same where halves of the weights are there. */
    private static final int LEAST_TOKENS_OF_COPIES = 128;
    /** The exponent that a matrix's largest weight gets as a half; 15 is the largest there is. */
    private static final int LARGEST_EXPONENT = 14;
    /** What activations are multiplied by: a million is the largest that a half then holds. */
    private static final float ACTIVATION_FACTOR = 0x1p-4f;
    private static final int THREADS = 256;
    /** Columns and rows of a block of threads that makes halves. */
    private static final int BLOCK_COLUMNS = MatrixLayout.BLOCK_COLUMNS * THREADS / 32;

    private final CudaDevice device;
    private final HalfProducts products;
    private final LibraryMemory memory;
    private final long address;
    private final int leastTokens;
    private final Map<DeviceFormat, CudaFunction> dequantize = new EnumMap<>(DeviceFormat.class);
    private final Map<DeviceFormat, CudaFunction> largest = new EnumMap<>(DeviceFormat.class);
    private final CudaFunction rescale;
    private final CudaFunction repeat;
    private final Map<CudaProduct, List<Weights>> taken = new IdentityHashMap<>();
    private final Set<String> refused = new HashSet<>();
    private long nextCopy;

    /**
     * A matrix of a product.
     *
     * @param descriptor address of {@code struct Matrix}
     * @param factor     a power of two that its halves have
     * @param copy       address of its halves; 0 if they are made anew each time
     */
    private record Weights(Part part, long descriptor, float factor, long copy) {

        int rows() {
            return part.matrix().rows();
        }

        int stride() {
            return PreparedRows.stride(part.matrix().columns());
        }
    }

    /**
     * @param device      which is current; closes what the library has there with itself
     * @param address     of {@link LibraryMemory#bytes}, a multiple of 256
     * @param leastTokens of products that are the library's, {@link #leastTokens(boolean)}
     * @throws dev.millrace.kernels.KernelException if the library refuses
     */
    public LibraryProducts(CudaDevice device, CublasLt library, LibraryMemory memory, long address,
            int leastTokens) {
        this.device = device;
        this.memory = memory;
        this.address = address;
        this.leastTokens = leastTokens;
        nextCopy = address + memory.matricesOffset();
        for (DeviceFormat format : DeviceFormat.values()) {
            dequantize.put(format, device.function("dequantize" + format));
            largest.put(format, device.function("largest" + format));
        }
        rescale = device.function("rescale");
        repeat = device.function("repeat");
        products = new HalfProducts(library, address + memory.workspaceOffset(),
                LibraryMemory.WORKSPACE_BYTES);
        device.whenClosed(products::close);
    }

    /** The least tokens of products that a library is worth while for. */
    public static int leastTokens(boolean copies) {
        return copies ? LEAST_TOKENS_OF_COPIES : LEAST_TOKENS;
    }

    /**
     * Takes over a product, whose matrices are among those that memory was planned for: measures
     * them, and makes halves of them if they are to be kept.
     *
     * @param staging pinned memory; free again when this returns
     */
    public void take(CudaProduct product, MemorySegment staging) {
        List<Weights> all = new ArrayList<>();
        for (int i = 0; i < product.parts().size(); i++) {
            Part part = product.parts().get(i);
            long descriptor = product.address() + (long) i * CudaProduct.DESCRIPTOR_BYTES;
            float factor = factor(part.matrix(), descriptor, staging);
            Weights weights = new Weights(part, descriptor, factor, memory.copies() ? nextCopy : 0);
            if (memory.copies()) {
                nextCopy += LibraryMemory.matrixBytes(weights.rows(), part.matrix().columns());
                dequantize(weights, weights.copy());
            }
            all.add(weights);
        }
        if (nextCopy > address + memory.bytes()) {
            throw new IllegalStateException("halves of matrices end " + (nextCopy - address
                    - memory.bytes()) + " bytes beyond the memory planned for them");
        }
        taken.put(product, all);
    }

    /** The power of two that brings a matrix's largest weight to the largest halves. */
    private float factor(CudaMatrix matrix, long descriptor, MemorySegment staging) {
        device.clear(address, Integer.BYTES);
        launch(largest.get(matrix.format()), matrix, descriptor, 0, 1);
        MemorySegment bits = staging.asSlice(0, Integer.BYTES);
        device.download(address, bits);
        device.synchronize();
        float weight = Float.intBitsToFloat(bits.get(ValueLayout.JAVA_INT, 0));
        return weight > 0 && weight <= Float.MAX_VALUE
                ? Math.scalb(1f, Math.clamp(LARGEST_EXPONENT - Math.getExponent(weight), -120, 120))
                : 1;
    }

    private void dequantize(Weights weights, long halves) {
        launch(dequantize.get(weights.part().matrix().format()), weights.part().matrix(),
                weights.descriptor(), halves, weights.factor());
    }

    private void launch(CudaFunction kernel, CudaMatrix matrix, long descriptor, long halves,
            float factor) {
        kernel.begin().with(descriptor).with(halves).with(address).with(factor).with(0)
                .launch(Math.ceilDiv(matrix.columns(), BLOCK_COLUMNS),
                        Math.ceilDiv(matrix.rows(), MatrixLayout.TILE_ROWS), 1, THREADS, 0);
    }

    /**
     * Multiplies activations by every matrix of a product.
     *
     * @param kernels bring activations into the order of a matrix's columns
     * @return false, with nothing done, if the product or so few tokens are not the library's, or
     *         it has no algorithm for them
     */
    boolean run(CudaProduct product, PreparedRows x, int tokens, CudaMultiply kernels) {
        List<Weights> matrices = tokens >= leastTokens ? taken.get(product) : null;
        if (matrices == null || !matrices.stream().allMatch(each -> has(each, tokens))) {
            return false;
        }
        long high = address + memory.activationsOffset();
        long low = memory.activations() == CudaActivations.F16X2
                ? high + memory.activationBytes()
                : 0;
        ColumnOrder order = null;
        for (Weights each : matrices) {
            if (!each.part().order().equals(order)) {
                order = each.part().order();
                PreparedRows ordered = kernels.inOrder(order, x, tokens, product.columns());
                rescale.begin().with(ordered, product.columns()).with(high).with(low)
                        .with(ACTIVATION_FACTOR).with(0).launch(tokens, 1, 1, THREADS, 0);
            }
            multiply(each, high, low, tokens);
        }
        return true;
    }

    private boolean has(Weights weights, int tokens) {
        boolean has = products.has(weights.rows(), weights.stride(), tokens);
        String shape = weights.rows() + " x " + weights.stride();
        if (!has && refused.add(shape)) {
            LOG.log(Level.WARNING, "cuBLASLt has no algorithm for a product of {0} with {1} tokens:"
                    + " such products stay with the kernels", shape, tokens);
        }
        return has;
    }

    private void multiply(Weights weights, long high, long low, int tokens) {
        Part part = weights.part();
        long halves = weights.copy();
        if (halves == 0) {
            halves = address + memory.matricesOffset();
            dequantize(weights, halves);
        }
        if (part.bias() != 0) {
            repeat.begin().with(part.bias()).with(part.out()).with(weights.rows()).with(0)
                    .launch(tokens, 1, 1, THREADS, 0);
        }
        float factor = 1 / weights.factor() / ACTIVATION_FACTOR;
        products.multiply(weights.rows(), weights.stride(), tokens, halves, high, factor,
                part.bias() != 0, part.out(), device.streamHandle());
        if (low != 0) {
            products.multiply(weights.rows(), weights.stride(), tokens, halves, low, factor, true,
                    part.out(), device.streamHandle());
        }
    }
}
