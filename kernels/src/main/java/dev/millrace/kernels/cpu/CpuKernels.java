package dev.millrace.kernels.cpu;

import dev.millrace.kernels.GateFunction;
import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.kernels.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * What the processor does for a forward pass: the scalar reference, its Vector API twin, and one
 * that leaves products with quantised weights to C.
 *
 * <p>Activations are row-major {@code float[]}: element {@code (r, c)} of a {@code (rows, width)}
 * array is at {@code r * width + c}. Every operation works on a part of its output, so that the
 * caller can put several of them into one parallel region of a {@link WorkerPool}; none starts
 * threads of its own (except {@link #pack}) and none allocates.
 *
 * <p><b>Order of summation.</b> A dot product is summed in an order that depends on the format and
 * the number of columns only; attention is summed by absolute position. So a row's result is the
 * same bits whatever else is in the batch and however the work was split.
 */
public sealed interface CpuKernels permits NativeKernels, ScalarKernels, VectorKernels {

    /** The plain reference. */
    static CpuKernels scalar() {
        return new ScalarKernels();
    }

    /**
     * Vector kernels of the width that this machine prefers.
     *
     * @throws KernelException if the JVM was started without the Vector API
     */
    static CpuKernels vector() {
        requireVectorModule();
        return new VectorKernels(VectorWidth.preferredBits());
    }

    /**
     * Vector kernels of a chosen width. A process should settle for one: widths disturb each
     * other's compilation.
     *
     * @param bits 128, 256 or 512
     * @throws KernelException if this machine's vectors are narrower, or the JVM was started
     *                         without the Vector API
     */
    static CpuKernels vector(int bits) {
        requireVectorModule();
        return new VectorKernels(bits);
    }

    /**
     * Native kernels with the fastest instructions that this processor has, if the build made any.
     *
     * @throws KernelException if they cannot run here, or the JVM was started without the Vector
     *                         API, which does what they do not; says why and what to do
     */
    static CpuKernels nativeTwin() {
        return nativeTwin(0);
    }

    /**
     * The same, with vector kernels of a given width for what the native ones do not do.
     *
     * @param bits as for {@link #vector(int)}; 0 for the processor's preference
     */
    static CpuKernels nativeTwin(int bits) {
        requireVectorModule();
        return new NativeKernels(NativeFunctions.variants().getLast(),
                bits == 0 ? VectorWidth.preferredBits() : bits);
    }

    /**
     * Lets arrays that operations were given be collected: what closes a model says so. Threads
     * remember arrays from call to call, whichever kernels they were for.
     */
    static void forgetArrays() {
        ArraySegments.forgetAll();
    }

    /**
     * Native kernels with chosen instructions, for comparisons: a server takes the fastest.
     *
     * @param instructions as {@link #instructions()} says, in any case, with or without dashes and
     *                     spaces: {@code avx2}, {@code avx512vnni}
     * @throws KernelException if this processor or this build has none of that name; says which
     */
    static CpuKernels nativeTwin(String instructions) {
        requireVectorModule();
        String wanted = plain(instructions);
        List<NativeVariant> variants = NativeFunctions.variants();
        NativeVariant chosen = variants.stream()
                .filter(variant -> plain(variant.label()).equals(wanted)).findFirst()
                .orElseThrow(() -> new KernelException("there are no native kernels for "
                        + instructions + " here, but for " + variants.stream()
                                .map(NativeVariant::label).collect(Collectors.joining(", "))));
        return new NativeKernels(chosen, VectorWidth.preferredBits());
    }

    private static String plain(String instructions) {
        return instructions.replaceAll("[ -]", "").toLowerCase(Locale.ROOT);
    }

    private static void requireVectorModule() {
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
            throw new KernelException("the vector kernels need the Vector API: start Java with "
                    + "--add-modules=jdk.incubator.vector, or choose the scalar kernels");
        }
    }

    /** {@code scalar}, {@code vector} or {@code native}. */
    String name();

    /** What the products are computed with, as a processor's manual calls it; may be empty. */
    String instructions();

    /** Width of a vector register in bits; 0 for the scalar reference. */
    int vectorBits();

    /**
     * Whether all that computes with the matrices packed so far was compiled ahead of time: then
     * the first step is about as fast as those after it.
     */
    default boolean isCompiledAhead() {
        return false;
    }

    /**
     * Memory that {@link #pack} takes for a matrix, in bytes; 0 if it borrows the file's.
     *
     * @param shape of one plane
     */
    long packedBytes(QuantFormat format, TensorShape shape);

    /** What {@link #pack} turns weights of a format into, in words; always without loss. */
    String packedForm(QuantFormat format);

    /**
     * Memory of its own that a thread keeps for {@link #multiply} at most, in bytes.
     *
     * @param widestColumns inputs of the widest matrix
     */
    long scratchBytes(int widestColumns);

    /** Packs a weight into this implementation's layout, in parallel, in memory of its own. */
    CpuMatrix pack(QuantTensor tensor, WorkerPool pool);

    /**
     * What the bytes of packed matrices mean, in words that change with every build that could pack
     * other bytes; empty if they mean nothing outside of this process.
     */
    default Optional<String> packedLayout() {
        return Optional.empty();
    }

    /**
     * The bytes of a packed matrix, to be kept for {@link #restore}; empty if it cannot be kept.
     * Valid until the matrix is closed.
     */
    default Optional<MemorySegment> packedContent(CpuMatrix matrix) {
        return Optional.empty();
    }

    /**
     * The matrix that {@link #pack} made of a weight, from its bytes.
     *
     * @param shape   of one plane
     * @param content as {@link #packedContent} gave it under the same {@link #packedLayout}, off
     *                the heap and aligned to 64 bytes; borrowed for as long as the matrix is used
     * @throws IllegalArgumentException if these kernels keep no such matrices, or they have another
     *                                  number of bytes
     */
    default CpuMatrix restore(QuantFormat format, TensorShape shape, MemorySegment content) {
        throw new IllegalArgumentException("the " + name() + " kernels keep no packed matrices");
    }

    /**
     * Copies the bytes of a restored matrix into memory of its own, in large pages where there are
     * any, from which products read faster than from a mapped file. Products may go on meanwhile;
     * those that have begun read the borrowed bytes to their end. One thread at a time.
     */
    default void own(CpuMatrix restored) {
        throw new IllegalArgumentException("the " + name() + " kernels keep no packed matrices");
    }

    /** Activations to multiply by weights of these kernels, all zero and unprepared. */
    Activations openActivations(int rows, int columns);

    /** Memory that such activations take, in bytes. */
    long activationBytes(int rows, int columns);

    /** Derives from a row of activations what products read; after the row was written. */
    void prepare(Activations x, int row);

    /**
     * Multiplies: {@code y[r][n] = sum over k of weight[n][k] * x[r][k]} for
     * {@code n} in {@code [begin, end)}.
     *
     * @param x        (at least firstRow + rows, weight.columns()) of these kernels, the rows
     *                 prepared
     * @param firstRow first row of x to multiply, and of y to write
     * @param rows     how many rows to multiply, at least 1
     * @param y        (at least firstRow + rows, weight.rows())
     * @param begin    first output, a multiple of {@code weight.rowTile()}
     * @param end      one past the last output, a multiple of {@code weight.rowTile()} or
     *                 {@code weight.rows()}
     */
    void multiply(CpuMatrix weight, Activations x, int firstRow, int rows, float[] y, int begin,
            int end);

    /** As above from the first row on. */
    default void multiply(CpuMatrix weight, Activations x, int rows, float[] y, int begin,
            int end) {
        multiply(weight, x, 0, rows, y, begin, end);
    }

    /** Writes row {@code row} of a matrix, dequantised, to {@code out} at {@code outOffset}. */
    void copyRow(CpuMatrix matrix, int row, float[] out, int outOffset);

    /**
     * Root-mean-square norm of one row:
     * {@code out[i] = x[i] / sqrt(mean(x^2) + epsilon) * weight[i]};
     * as many elements as the weight has.
     */
    void rmsNorm(float[] x, int xOffset, float[] weight, float epsilon, float[] out, int outOffset);

    /**
     * Layer norm of one row in place (Ba, Kiros and Hinton, "Layer normalization", 2016):
     * {@code x[i] = (x[i] - mean) / sqrt(variance + epsilon) * weight[i] + bias[i]}; as many
     * elements as the weight has.
     */
    default void layerNorm(float[] x, int offset, float[] weight, float[] bias, float epsilon) {
        EncoderOperations.layerNorm(x, offset, weight, bias, epsilon);
    }

    /**
     * {@code x[i] *= (1 + erf(x[i] / sqrt(2))) / 2} for {@code count} elements, the factor within
     * 2e-7: the GELU of the BERT family.
     *
     * @param scratch at least {@code count} elements, overwritten
     */
    default void gelu(float[] x, int offset, int count, float[] scratch) {
        EncoderOperations.gelu(this, x, offset, count, scratch);
    }

    /** {@code x[i] += y[i]} for {@code count} elements. */
    void add(float[] x, int xOffset, float[] y, int yOffset, int count);

    /** {@code x[i] += factor * y[i]} for {@code count} elements. */
    void addScaled(float[] x, int xOffset, float[] y, int yOffset, float factor, int count);

    /** {@code x[i] *= factor} for {@code count} elements. */
    void scale(float[] x, int offset, float factor, int count);

    /** {@code x[i] = cap * tanh(x[i] / cap)} for {@code count} elements; the cap is above 0. */
    void softCap(float[] x, int offset, float cap, int count);

    /**
     * Applies a gate: {@code gate[i] = function(gate[i], up[i])}, {@code count} elements at
     * {@code offset}. What is left in {@code up} there is undefined.
     */
    void gate(GateFunction function, float[] gate, float[] up, int offset, int count);

    /**
     * Rotates pairs of one head in place. With {@code adjacent} the pairs are (0,1), (2,3), ...
     * (Meta's order, which GGUF keeps for llama); without, element i pairs with i + pairs (NEOX).
     *
     * @param cosines  one per pair, at {@code angleOffset}
     * @param sines    one per pair, at {@code angleOffset}
     */
    void rotate(float[] x, int offset, float[] cosines, float[] sines, int angleOffset, int pairs,
            boolean adjacent);

    /**
     * Lays out an empty cache that these kernels store to and attend over, in memory of its own.
     *
     * @param blockTokens positions in one block, a multiple of 32
     */
    default CpuKvCache openCache(KvFormat format, int layers, int kvHeads, int headSize,
            int blockTokens, int blocks) {
        return new CpuKvCache(format, layers, kvHeads, headSize, blockTokens, blocks);
    }

    /** Bytes of one block of such a cache over all layers. Needs no Vector API. */
    static long cacheBlockBytes(KvFormat format, int layers, int kvHeads, int headSize,
            int blockTokens) {
        return CpuKvCache.blockBytes(format, layers, kvHeads, headSize, blockTokens);
    }

    /**
     * Stores one position's key and value heads of one layer into the cache, rounded to its format.
     *
     * @param key   kvHeads x headSize floats at {@code offset}
     * @param value the same shape, at {@code offset}
     */
    default void store(CpuKvCache cache, int layer, int block, int slot, float[] key,
            float[] value, int offset) {
        cache.store(layer, block, slot, key, value, offset);
    }

    /**
     * Attention over a cache, for use by one thread at a time.
     *
     * @param groupHeads query heads that share a KV head
     */
    CpuAttention openAttention(CpuKvCache cache, int groupHeads, AttentionRule rule);

    /** Scratch memory that {@link #openAttention} takes at most, in bytes. */
    static long attentionBytes(int groupHeads, int headSize) {
        return VectorAttention.bytes(groupHeads, new KvLayout(KvFormat.F32, headSize));
    }

    /** Bytes of one part that {@link CpuAttention#attendChunk} writes at most. */
    static long attentionPartBytes(int groupHeads, int headSize) {
        KvLayout layout = new KvLayout(KvFormat.F32, headSize);
        return (long) AttentionPart.size(groupHeads, layout.paddedSize()) * Float.BYTES;
    }

    /** Index of the largest of {@code count} elements; the first of equals; NaN never wins. */
    int argmax(float[] x, int offset, int count);

    /**
     * Exponentials against the maximum: {@code out[i] = exp((x[i] - max) * scale)}.
     *
     * @return the sum of what was written, accumulated in double
     */
    double expShifted(float[] x, int xOffset, int count, float max, float scale, float[] out,
            int outOffset);

    /**
     * The most that an exponential of {@link #expShifted} differs from what the kernels of GPUs
     * compute, as a share of it.
     */
    double exponentialError();
}
