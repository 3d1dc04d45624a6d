package dev.millrace.kernels.cpu;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/** Tensors with every bit random but the scales, which stay in a range that models have. */
final class RandomTensors {

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    private RandomTensors() {}

    static QuantTensor matrix(QuantFormat format, int rows, int columns, long seed) {
        Random random = new Random(seed);
        TensorShape shape = TensorShape.matrix(rows, columns);
        byte[] bytes = new byte[Math.toIntExact(QuantTensor.bytes(format, shape))];
        random.nextBytes(bytes);
        MemorySegment data = MemorySegment.ofArray(bytes);
        for (long block = 0; block < bytes.length; block += format.blockBytes()) {
            switch (format) {
                case F32 -> data.set(ValueLayout.JAVA_FLOAT_UNALIGNED, block,
                        (float) random.nextGaussian());
                case F16 -> setHalf(data, block, random.nextGaussian());
                case BF16 -> data.set(SHORT, block,
                        (short) (Float.floatToIntBits((float) random.nextGaussian()) >> 16));
                case Q4_0, Q8_0, IQ2_XXS -> setHalf(data, block, scale(random));
                case Q2_K -> setHalves(data, block + 80, random);
                case Q4_K, Q5_K -> setHalves(data, block, random);
                case Q6_K -> setHalf(data, block + 208, scale(random));
            }
        }
        return QuantTensor.of(format, shape, data);
    }

    /** Gives a tensor the block scales of another of its format. */
    static void copyScales(QuantTensor from, QuantTensor to) {
        QuantFormat format = from.format();
        for (long block = 0; block < from.data().byteSize(); block += format.blockBytes()) {
            long scales = block + switch (format) {
                case Q2_K -> 80;
                case Q6_K -> 208;
                default -> 0;
            };
            int bytes = format.blockElements() == 32 || format == QuantFormat.Q6_K
                    || format == QuantFormat.IQ2_XXS ? 2 : 4;
            MemorySegment.copy(from.data(), scales, to.data(), scales, bytes);
        }
    }

    private static double scale(Random random) {
        return random.nextGaussian() * 0.02;
    }

    private static void setHalf(MemorySegment data, long offset, double value) {
        data.set(SHORT, offset, Float.floatToFloat16((float) value));
    }

    private static void setHalves(MemorySegment data, long offset, Random random) {
        setHalf(data, offset, scale(random));
        setHalf(data, offset + 2, scale(random));
    }

    /** Prepared rows with these values. */
    static Activations activations(CpuKernels kernels, float[] values, int rows) {
        Activations activations = kernels.openActivations(rows, values.length / rows);
        System.arraycopy(values, 0, activations.values(), 0, values.length);
        for (int row = 0; row < rows; row++) {
            kernels.prepare(activations, row);
        }
        return activations;
    }

    static float[] gaussians(int count, long seed) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}
