package dev.millrace.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.SplittableRandom;

/**
 * A stream of random weights in any format, the same for the same seed, to measure and to test with
 * where no model is at hand: plain floats are evenly distributed, blocks are random codes under
 * scales that give the elements the wanted deviation.
 */
public final class RandomWeights {

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int ALIGNMENT_BYTES = 64;
    /** Half the width of an even distribution, in deviations. */
    private static final double REACH = Math.sqrt(3);
    private static final int CALIBRATION_BLOCKS = 64;
    private static final long CALIBRATION_SEED = 1;

    private final QuantFormat format;
    private final float mean;
    /** Of plain floats, or the mean scale of blocks. */
    private final float deviation;
    private final SplittableRandom random;
    private final long scaleBlocks;
    private long filledBlocks;
    private float scale;

    /**
     * A stream of weights, of one row where the format has one scale per row.
     *
     * @param mean 0 for formats of blocks, which have no mean
     */
    public RandomWeights(QuantFormat format, float mean, float deviation, long seed) {
        this(format, Long.MAX_VALUE, mean, deviation, seed);
    }

    /** A stream of rows of so many columns. */
    public RandomWeights(QuantFormat format, long columns, float mean, float deviation,
            long seed) {
        this(format, format == QuantFormat.INT8_CHANNEL ? columns / format.blockElements() : 1,
                mean, format.blockElements() == 1 ? deviation : deviation / unitDeviation(format),
                new SplittableRandom(seed));
        if (mean != 0 && format.blockElements() > 1) {
            throw new IllegalArgumentException("weights of " + format
                    + " are random around 0, got a mean of " + mean);
        }
    }

    /** @param scaleBlocks that have the same scale */
    private RandomWeights(QuantFormat format, long scaleBlocks, float mean, float deviation,
            SplittableRandom random) {
        this.format = format;
        this.scaleBlocks = scaleBlocks;
        this.mean = mean;
        this.deviation = deviation;
        this.random = random;
    }

    /** A tensor around 0 in memory of the arena. */
    public static QuantTensor tensor(Arena arena, QuantFormat format, TensorShape shape,
            float deviation, long seed) {
        MemorySegment data = arena.allocate(QuantTensor.bytes(format, shape), ALIGNMENT_BYTES);
        new RandomWeights(format, shape.columns(), 0, deviation, seed).fill(data);
        return QuantTensor.of(format, shape, data);
    }

    /** Fills a whole number of blocks with the weights that come next. */
    public void fill(MemorySegment piece) {
        switch (format) {
            case F32 -> fillFloats(piece);
            case F16 -> fillHalves(piece);
            case BF16 -> fillBrainFloats(piece);
            default -> fillBlocks(piece);
        }
    }

    private float weight() {
        return mean + (float) (random.nextInt() * (deviation * REACH / (1L << 31)));
    }

    private void fillFloats(MemorySegment piece) {
        for (long i = 0; i < piece.byteSize(); i += Float.BYTES) {
            piece.set(LittleEndian.FLOAT, i, weight());
        }
    }

    private void fillHalves(MemorySegment piece) {
        for (long i = 0; i < piece.byteSize(); i += Short.BYTES) {
            setHalf(piece, i, weight());
        }
    }

    private void fillBrainFloats(MemorySegment piece) {
        for (long i = 0; i < piece.byteSize(); i += Short.BYTES) {
            piece.set(LittleEndian.SHORT, i, (short) (Float.floatToRawIntBits(weight()) >>> 16));
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
            if (filledBlocks++ % scaleBlocks == 0) {
                scale = scale();
            }
            setBlock(piece, block, scale);
        }
    }

    /**
     * Blocks differ by up to a quarter, so that a kernel that mixes them up is noticed; and by
     * sign, because the codes of some formats have a mean of their own.
     */
    private float scale() {
        int bits = random.nextInt();
        float magnitude = deviation * (1 + bits * 0x1p-33f);
        return (bits & 1) == 0 ? magnitude : -magnitude;
    }

    private void setBlock(MemorySegment piece, long block, float blockScale) {
        boolean narrow = format == QuantFormat.INT4_ZERO || format == QuantFormat.INT4_ZERO_G128;
        int zero = narrow ? random.nextInt() >>> 28 : 0;
        for (long at = block; at < block + format.blockBytes(); at += format.plain()
                .blockBytes()) {
            setScales(piece, at, blockScale);
            if (narrow) {
                setZero(piece, at, zero);
            }
        }
    }

    /** Makes the lower four bits of a block of Q5_0 codes around a zero point. */
    private static void setZero(MemorySegment piece, long block, int zero) {
        int fifthBits = 0;
        for (int i = 0; i < 16; i++) {
            int pair = LittleEndian.unsignedByte(piece, block + 6 + i);
            int low = (pair & 15) + 16 - zero;
            int high = (pair >> 4) + 16 - zero;
            fifthBits |= low >> 4 << i | high >> 4 << i + 16;
            setByte(piece, block + 6 + i, low & 15 | (high & 15) << 4);
        }
        piece.set(LittleEndian.INT, block + 2, fifthBits);
    }

    /** Sets a block's scale, and that of its minimums so that they take the mean out. */
    private void setScales(MemorySegment piece, long block, float scale) {
        switch (format.plain()) {
            case Q4_0, Q5_0, Q8_0, IQ4_NL, IQ4_XS -> setHalf(piece, block, scale);
            case IQ1_S, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S -> setHalf(piece, block, scale);
            case IQ1_M -> setQuarteredHalf(piece, block + 48, scale);
            case Q4_1 -> setHalves(piece, block, scale, -7.5f * scale);
            case Q5_1 -> setHalves(piece, block, scale, -15.5f * scale);
            case Q2_K -> setHalves(piece, block + 80, scale, 1.5f * scale);
            case Q3_K -> setHalf(piece, block + 108, scale);
            case Q4_K -> setHalves(piece, block, scale, 7.5f * scale);
            case Q5_K -> setHalves(piece, block, scale, 15.5f * scale);
            case Q6_K -> setHalf(piece, block + 208, scale);
            case TQ1_0 -> setHalf(piece, block + 52, scale);
            case TQ2_0 -> setHalf(piece, block + 64, scale);
            case MXFP4 -> setByte(piece, block, powerOfTwo(Math.abs(scale)));
            case NVFP4 -> {
                for (int group = 0; group < 4; group++) {
                    setByte(piece, block + group, microscale(Math.abs(scale)));
                }
            }
            default -> throw new IllegalStateException(format + " has no scales");
        }
    }

    /** The top four bits of four shorts, the lowest first. */
    private static void setQuarteredHalf(MemorySegment piece, long offset, float value) {
        int half = Float.floatToFloat16(value);
        for (int quarter = 0; quarter < 4; quarter++, offset += Short.BYTES) {
            int codes = piece.get(LittleEndian.SHORT, offset) & 0xFFF;
            int bits = half >> quarter * 4 & 0xF;
            piece.set(LittleEndian.SHORT, offset, (short) (codes | bits << 12));
        }
    }

    /** The biased exponent of twice the scale. */
    private int powerOfTwo(float scale) {
        int exponent = Math.getExponent(scale);
        float lower = Math.scalb(1f, exponent);
        return exponent + 128 + (takesUpper(lower, scale, 2 * lower) ? 1 : 0);
    }

    /** Four bits of exponent and three of mantissa of twice the scale, which is at most 224. */
    private int microscale(float scale) {
        int exponent = Math.max(Math.getExponent(scale), -7);
        float step = Math.scalb(1f, exponent - 3);
        int steps = (int) (scale / step);
        int rounded = steps + (takesUpper(steps * step, scale, (steps + 1) * step) ? 1 : 0);
        return (exponent + 7) * 8 + rounded;
    }

    /** Whether this scale becomes the upper of its neighbours, so that squares keep their mean. */
    private boolean takesUpper(float lower, float scale, float upper) {
        float share = (scale * scale - lower * lower) / (upper * upper - lower * lower);
        return random.nextFloat() < share;
    }

    private static void setByte(MemorySegment piece, long offset, int value) {
        piece.set(ValueLayout.JAVA_BYTE, offset, (byte) value);
    }

    private static void setHalves(MemorySegment piece, long offset, float first, float second) {
        setHalf(piece, offset, first);
        setHalf(piece, offset + Short.BYTES, second);
    }

    private static void setHalf(MemorySegment piece, long offset, float value) {
        piece.set(LittleEndian.SHORT, offset, Float.floatToFloat16(value));
    }

    /** Measures what random codes deviate by where the scale is 1. */
    private static float unitDeviation(QuantFormat format) {
        RandomWeights units = new RandomWeights(format, 1, 0, 1,
                new SplittableRandom(CALIBRATION_SEED));
        byte[] bytes = new byte[CALIBRATION_BLOCKS * format.blockBytes()];
        MemorySegment sample = MemorySegment.ofArray(bytes);
        units.random.nextBytes(bytes);
        for (int block = 0; block < bytes.length; block += format.blockBytes()) {
            units.setBlock(sample, block, 1);
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
