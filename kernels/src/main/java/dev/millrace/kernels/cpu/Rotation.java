package dev.millrace.kernels.cpu;

/** Rotation of pairs, one pair at a time. */
final class Rotation {

    private Rotation() {}

    /** As {@link CpuKernels#rotate}. */
    static void rotate(float[] x, int offset, float[] cosines, float[] sines, int angleOffset,
            int pairs, boolean adjacent) {
        for (int i = 0; i < pairs; i++) {
            int first = adjacent ? offset + 2 * i : offset + i;
            int second = adjacent ? first + 1 : first + pairs;
            float cosine = cosines[angleOffset + i];
            float sine = sines[angleOffset + i];
            float a = x[first];
            float b = x[second];
            x[first] = a * cosine - b * sine;
            x[second] = a * sine + b * cosine;
        }
    }
}
