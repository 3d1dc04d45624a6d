package dev.millrace.bench.baseline;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** Libraries that multiply float32 matrices. */
public enum FloatLibrary {
    /** With the kernels that it chooses for this processor. */
    OPENBLAS,
    /** With the kernels of Intel's server processors, which it does not choose for AMD's. */
    OPENBLAS_AVX512,
    ONEDNN,
    ND4J;

    /** As a user writes it. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** @throws IllegalArgumentException if there is no library of this name */
    public static FloatLibrary require(String label) {
        return Arrays.stream(values()).filter(library -> library.label().equals(label)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("--baselines must be of "
                        + Arrays.stream(values()).map(FloatLibrary::label)
                                .collect(Collectors.joining(", "))
                        + "; got \"" + label + "\""));
    }

    /**
     * Loads the library, which then computes with so many threads for as long as this process
     * lives.
     */
    FloatProduct open(float[] x, int rows, int inputs, int outputs, int threads) {
        NativeEnvironment.set("OMP_NUM_THREADS", Integer.toString(threads));
        NativeEnvironment.set("OPENBLAS_NUM_THREADS", Integer.toString(threads));
        return switch (this) {
            case OPENBLAS -> new OpenBlasProduct(x, rows, inputs, outputs);
            case OPENBLAS_AVX512 -> {
                NativeEnvironment.set("OPENBLAS_CORETYPE", "SkylakeX");
                yield new OpenBlasProduct(x, rows, inputs, outputs);
            }
            case ONEDNN -> new OneDnnProduct(x, rows, inputs, outputs);
            case ND4J -> new Nd4jProduct(x, rows, inputs, outputs);
        };
    }
}
