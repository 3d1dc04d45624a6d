package dev.millrace.kernels.cpu;

/**
 * What encoders compute beside products and attention, for all kernels: they differ in the
 * exponential only.
 */
final class EncoderOperations {

    /** Abramowitz and Stegun, "Handbook of mathematical functions", 7.1.26: within 1.5e-7. */
    private static final float ERF_SLOPE = 0.3275911f;
    private static final float ERF_1 = 0.254829592f;
    private static final float ERF_2 = -0.284496736f;
    private static final float ERF_3 = 1.421413741f;
    private static final float ERF_4 = -1.453152027f;
    private static final float ERF_5 = 1.061405429f;
    private static final float SQRT_HALF = 0.70710678f;

    private EncoderOperations() {}

    /** As {@link CpuKernels#layerNorm}. */
    static void layerNorm(float[] x, int offset, float[] weight, float[] bias, float epsilon) {
        int count = weight.length;
        double sum = 0;
        for (int i = offset; i < offset + count; i++) {
            sum += x[i];
        }
        double mean = sum / count;
        double squares = 0;
        for (int i = offset; i < offset + count; i++) {
            double difference = x[i] - mean;
            squares += difference * difference;
        }
        float center = (float) mean;
        float factor = (float) (1 / Math.sqrt(squares / count + epsilon));
        for (int i = 0; i < count; i++) {
            x[offset + i] = (x[offset + i] - center) * factor * weight[i] + bias[i];
        }
    }

    /** As {@link CpuKernels#gelu}. */
    static void gelu(CpuKernels kernels, float[] x, int offset, int count, float[] scratch) {
        for (int i = 0; i < count; i++) {
            scratch[i] = x[offset + i] * x[offset + i];
        }
        kernels.expShifted(scratch, 0, count, 0, -0.5f, scratch, 0);
        for (int i = 0; i < count; i++) {
            float v = x[offset + i];
            float t = 1 / (1 + ERF_SLOPE * SQRT_HALF * Math.abs(v));
            float polynomial = t
                    * (ERF_1 + t * (ERF_2 + t * (ERF_3 + t * (ERF_4 + t * ERF_5))));
            // erf of the magnitude is 1 - tail, so half of what is beyond stays for negatives.
            float tail = 0.5f * polynomial * scratch[i];
            x[offset + i] = v * (v > 0 ? 1 - tail : tail);
        }
    }
}
