package dev.millrace.bench;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/** Random weights in any format, valid in every block and of a size that real weights have. */
final class SyntheticTensors {

    private static final float TYPICAL_SCALE = 0.01f;

    private SyntheticTensors() {}

    static QuantTensor matrix(Arena arena, QuantFormat format, int rows, int columns, long seed) {
        TensorShape shape = TensorShape.matrix(rows, columns);
        MemorySegment data = arena.allocate(QuantTensor.bytes(format, shape), 64);
        SplittableRandom random = new SplittableRandom(seed);
        switch (format) {
            case F32 -> fillFloats(data, random);
            case F16 -> fillShorts(data, random, false);
            case BF16 -> fillShorts(data, random, true);
            default -> fillBlocks(data, format, random);
        }
        return QuantTensor.of(format, shape, data);
    }

    private static float weight(SplittableRandom random) {
        return (float) ((random.nextDouble() - 0.5) * 16 * TYPICAL_SCALE);
    }

    private static void fillFloats(MemorySegment data, SplittableRandom random) {
        for (long i = 0; i < data.byteSize(); i += Float.BYTES) {
            data.set(ValueLayout.JAVA_FLOAT_UNALIGNED, i, weight(random));
        }
    }

    private static void fillShorts(MemorySegment data, SplittableRandom random, boolean brain) {
        for (long i = 0; i < data.byteSize(); i += Short.BYTES) {
            float value = weight(random);
            short bits = brain
                    ? (short) (Float.floatToRawIntBits(value) >>> 16)
                    : Float.floatToFloat16(value);
            data.set(ValueLayout.JAVA_SHORT_UNALIGNED, i, bits);
        }
    }

    /** Any bits make valid codes; only the half-precision scales must be finite and small. */
    private static void fillBlocks(MemorySegment data, QuantFormat format,
            SplittableRandom random) {
        for (long i = 0; i < data.byteSize(); i++) {
            data.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
        }
        int[] scaleOffsets = scaleOffsets(format);
        for (long block = 0; block < data.byteSize(); block += format.blockBytes()) {
            for (int offset : scaleOffsets) {
                float scale = (float) (TYPICAL_SCALE * (0.5 + random.nextDouble()));
                data.set(ValueLayout.JAVA_SHORT_UNALIGNED, block + offset,
                        Float.floatToFloat16(scale));
            }
        }
    }

    /** Where a block keeps its half-precision scales, in bytes. */
    private static int[] scaleOffsets(QuantFormat format) {
        return switch (format) {
            case Q4_0, Q8_0, IQ2_XXS -> new int[]{0};
            case Q4_K, Q5_K -> new int[]{0, 2};
            case Q2_K -> new int[]{80, 82};
            case Q6_K -> new int[]{208};
            case F32, F16, BF16 -> throw new IllegalArgumentException(format + " has no scales");
        };
    }
}
