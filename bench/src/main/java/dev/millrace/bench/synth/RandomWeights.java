package dev.millrace.bench.synth;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.gguf.GgufFileWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.SplittableRandom;

/**
 * A stream of random weights in any format, the same for the same seed: plain floats are evenly
 * distributed, blocks are random codes under scales that give the elements the wanted deviation.
 */
public final class RandomWeights implements GgufFileWriter.Source {

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    /** Half the width of an even distribution, in deviations. */
    private static final double REACH = Math.sqrt(3);
    private static final int CALIBRATION_BLOCKS = 64;
    private static final long CALIBRATION_SEED = 1;
    private static final int NONE = -1;

    /**
     * Where a block keeps its half-precision scales.
     *
     * @param scaleAt   byte offset of the scale
     * @param minimumAt byte offset of the minimums' scale, or {@link #NONE}
     * @param middle    the mean code, which the minimums take out
     */
    private record Scales(int scaleAt, int minimumAt, float middle) {}

    private final QuantFormat format;
    private final Scales scales;
    private final float mean;
    private final float deviation;
    private final SplittableRandom random;

    /**
     * A stream of weights.
     *
     * @param mean 0 for formats of blocks, which have no mean
     */
    public RandomWeights(QuantFormat format, float mean, float deviation, long seed) {
        if (mean != 0 && format.blockElements() > 1) {
            throw new IllegalArgumentException("weights of " + format
                    + " are random around 0, got a mean of " + mean);
        }
        this.format = format;
        this.scales = format.blockElements() == 1 ? null : scales(format);
        this.mean = mean;
        this.deviation = scales == null ? deviation : deviation / unitDeviation(format, scales);
        this.random = new SplittableRandom(seed);
    }

    /** A matrix in memory of the arena. */
    public static QuantTensor matrix(Arena arena, QuantFormat format, int rows, int columns,
            float deviation, long seed) {
        TensorShape shape = TensorShape.matrix(rows, columns);
        MemorySegment data = arena.allocate(QuantTensor.bytes(format, shape), 64);
        new RandomWeights(format, 0, deviation, seed).fill(data);
        return QuantTensor.of(format, shape, data);
    }

    @Override
    public void fill(MemorySegment piece) {
        switch (format) {
            case F32 -> fillFloats(piece);
            case F16 -> fillHalves(piece);
            case BF16 -> fillBrainFloats(piece);
            default -> fillBlocks(piece);
        }
    }

    private float weight() {
        return weight(random.nextInt());
    }

    private float weight(int bits) {
        return mean + (float) (bits * (deviation * REACH / (1L << 31)));
    }

    private void fillFloats(MemorySegment piece) {
        for (long i = 0; i < piece.byteSize(); i += Float.BYTES) {
            piece.set(INT, i, Float.floatToRawIntBits(weight()));
        }
    }

    private void fillHalves(MemorySegment piece) {
        for (long i = 0; i < piece.byteSize(); i += Short.BYTES) {
            piece.set(SHORT, i, Float.floatToFloat16(weight()));
        }
    }

    private void fillBrainFloats(MemorySegment piece) {
        for (long i = 0; i < piece.byteSize(); i += Short.BYTES) {
            piece.set(SHORT, i, (short) (Float.floatToRawIntBits(weight()) >>> 16));
        }
    }

    /** Any bits make valid codes; only the scales must be finite and of the right size. */
    private void fillBlocks(MemorySegment piece) {
        long whole = piece.byteSize() & -Long.BYTES;
        for (long i = 0; i < whole; i += Long.BYTES) {
            piece.set(LONG, i, random.nextLong());
        }
        for (long i = whole; i < piece.byteSize(); i++) {
            piece.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
        }
        for (long block = 0; block < piece.byteSize(); block += format.blockBytes()) {
            // Blocks differ by up to a quarter, so that a kernel that mixes them up is noticed; and
            // by sign, because the codes of Q4_0 have a mean of their own.
            int bits = random.nextInt();
            float scale = deviation * (1 + bits * 0x1p-33f);
            boolean negative = scales.minimumAt == NONE && (bits & 1) != 0;
            setScales(piece, block, scales, negative ? -scale : scale);
        }
    }

    private static void setScales(MemorySegment piece, long block, Scales scales, float scale) {
        piece.set(SHORT, block + scales.scaleAt, Float.floatToFloat16(scale));
        if (scales.minimumAt != NONE) {
            piece.set(SHORT, block + scales.minimumAt,
                    Float.floatToFloat16(scale * scales.middle));
        }
    }

    private static Scales scales(QuantFormat format) {
        return switch (format) {
            case Q4_0, Q8_0, IQ2_XXS -> new Scales(0, NONE, 0);
            case Q4_K -> new Scales(0, 2, 7.5f);
            case Q5_K -> new Scales(0, 2, 15.5f);
            case Q2_K -> new Scales(80, 82, 1.5f);
            case Q6_K -> new Scales(208, NONE, 0);
            case F32, F16, BF16 -> throw new IllegalArgumentException(format + " has no scales");
        };
    }

    /** Measures what random codes deviate by where the scale is 1. */
    private static float unitDeviation(QuantFormat format, Scales scales) {
        byte[] bytes = new byte[CALIBRATION_BLOCKS * format.blockBytes()];
        MemorySegment sample = MemorySegment.ofArray(bytes);
        SplittableRandom random = new SplittableRandom(CALIBRATION_SEED);
        random.nextBytes(bytes);
        for (int block = 0; block < bytes.length; block += format.blockBytes()) {
            setScales(sample, block, scales, 1);
        }
        float[] elements = new float[CALIBRATION_BLOCKS * format.blockElements()];
        new Dequantizer(format).dequantize(sample, 0, elements.length, elements, 0);
        double squares = 0;
        for (float element : elements) {
            squares += (double) element * element;
        }
        return (float) Math.sqrt(squares / elements.length);
    }
}
