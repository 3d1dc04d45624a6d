package dev.millrace.engine.cuda;

import dev.millrace.kernels.cuda.LibraryProducts;
import java.util.Locale;
import java.util.Objects;

/**
 * What multiplies in steps of many tokens.
 *
 * @param leastTokens of a step whose products are a library's; those of fewer, experts and logits
 *                    are the kernels' own
 */
public record CudaProducts(Way way, int leastTokens) {

    /** All products are the kernels' own, so that bits do not depend on the batch. */
    public static final CudaProducts OWN = of(Way.OWN);

    /** Whose they are. */
    public enum Way {
        /** The kernels', for one token as for a thousand. */
        OWN,
        /** cuBLASLt's, with weights made halves of for every step. */
        CUBLASLT,
        /** The same, with halves of all weights kept beside them: two bytes for each. */
        CUBLASLT_COPIES;

        /** As options spell it. */
        public String label() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    public CudaProducts {
        Objects.requireNonNull(way, "way");
        if (leastTokens < 1) {
            throw new IllegalArgumentException("leastTokens must be positive: " + leastTokens);
        }
    }

    /** With the usual number of tokens. */
    public static CudaProducts of(Way way) {
        return new CudaProducts(way, LibraryProducts.leastTokens(way == Way.CUBLASLT_COPIES));
    }

    /** Whether some are a library's. */
    public boolean library() {
        return way != Way.OWN;
    }

    /** Whether products of so many tokens are a library's. */
    boolean library(int tokens) {
        return library() && tokens >= leastTokens;
    }
}
