package dev.millrace.engine.cpu;

import dev.millrace.kernels.cpu.CpuKernels;
import java.util.Arrays;

/** Attention of one head among all positions of a text, for use by one thread at a time. */
final class HeadAttention {

    private final CpuKernels kernels;
    private final int headSize;
    private final float scale;
    private final float[] keys; // (head size, positions): elements of all positions side by side
    private final float[] scores; // (positions)

    /** @param mostPositions of the longest text */
    HeadAttention(CpuKernels kernels, int headSize, int mostPositions) {
        this.kernels = kernels;
        this.headSize = headSize;
        scale = (float) (1 / Math.sqrt(headSize));
        keys = CpuBuffers.array(headSize, mostPositions);
        scores = new float[mostPositions];
    }

    /** What one of these takes. */
    static long bytes(int headSize, int mostPositions) {
        return (headSize + 1L) * mostPositions * Float.BYTES;
    }

    /**
     * Attends.
     *
     * @param offset    of the head's first element at the text's first position, in all arrays
     * @param stride    elements from one position to the next, in all arrays
     * @param positions of the text
     */
    void attend(float[] query, float[] key, float[] value, float[] out, int offset, int stride,
            int positions) {
        for (int position = 0; position < positions; position++) {
            for (int i = 0; i < headSize; i++) {
                keys[i * positions + position] = key[offset + position * stride + i];
            }
        }
        for (int position = 0; position < positions; position++) {
            int at = offset + position * stride;
            Arrays.fill(scores, 0, positions, 0);
            for (int i = 0; i < headSize; i++) {
                kernels.addScaled(scores, 0, keys, i * positions, query[at + i], positions);
            }
            float max = scores[kernels.argmax(scores, 0, positions)];
            double sum = kernels.expShifted(scores, 0, positions, max, scale, scores, 0);
            Arrays.fill(out, at, at + headSize, 0);
            for (int other = 0; other < positions; other++) {
                kernels.addScaled(out, at, value, offset + other * stride,
                        (float) (scores[other] / sum), headSize);
            }
        }
    }
}
