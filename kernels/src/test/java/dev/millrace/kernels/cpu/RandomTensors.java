package dev.millrace.kernels.cpu;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.RandomWeights;
import dev.millrace.kernels.TensorShape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/** Weights and activations to multiply, all of about the size of 1. */
final class RandomTensors {

    private RandomTensors() {}

    static QuantTensor matrix(QuantFormat format, int rows, int columns, long seed) {
        return RandomWeights.tensor(Arena.ofAuto(), format, TensorShape.matrix(rows, columns), 1,
                seed);
    }

    /** Gives a tensor the block scales of another of its format. */
    static void copyScales(QuantTensor from, QuantTensor to) {
        QuantFormat format = from.format();
        for (long block = 0; block < from.data().byteSize(); block += format.blockBytes()) {
            long scales = block + switch (format) {
                case Q2_K -> 80;
                case Q3_K -> 108;
                case Q6_K -> 208;
                default -> 0;
            };
            int bytes = switch (format) {
                case Q2_K, Q4_K, Q5_K, Q4_1, Q5_1 -> 4; // a minimum as well
                case MXFP4 -> 1;
                default -> 2;
            };
            MemorySegment.copy(from.data(), scales, to.data(), scales, bytes);
        }
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
