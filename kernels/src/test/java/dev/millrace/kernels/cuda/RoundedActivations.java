package dev.millrace.kernels.cuda;

/** What activations become on their way into products; the definition that kernels are held to. */
final class RoundedActivations {

    /** The exponent of a row's largest: it comes to lie between 2^13 and 2^14. */
    private static final int LARGEST_EXPONENT = 13;

    private RoundedActivations() {}

    /** The numbers themselves for two halves; halves after a power of two per row for one. */
    static float[] of(float[] x, int columns, CudaActivations activations) {
        float[] rounded = x.clone();
        for (int row = 0; activations == CudaActivations.F16 && row < x.length; row += columns) {
            float largest = 0;
            for (int i = row; i < row + columns; i++) {
                largest = Math.max(largest, Math.abs(x[i]));
            }
            int power = LARGEST_EXPONENT - Math.getExponent(largest);
            for (int i = row; i < row + columns; i++) {
                rounded[i] = 0 + Math.scalb(Float.float16ToFloat(Float.floatToFloat16(
                        Math.scalb(x[i], power))), -power);
            }
        }
        return rounded;
    }
}
