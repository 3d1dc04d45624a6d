package dev.millrace.kernels.cuda;

/**
 * The norm of all heads together where each device has some of them: sums of squares of the own,
 * and, once those of all devices are there, the norm.
 */
public final class HeadNormKernels {

    private static final int ROW_THREADS = 256;

    private final CudaFunction headSquares;
    private final CudaFunction normHeads;

    public HeadNormKernels(CudaDevice device) {
        headSquares = device.function("headSquares");
        normHeads = device.function("normHeads");
    }

    /**
     * Queries and keys of a device, normed in place.
     *
     * @param query     (tokens, query size)
     * @param key       (tokens, key size)
     * @param queryNorm (query size)
     * @param keyNorm   (key size)
     */
    public record Heads(long query, long key, long queryNorm, long keyNorm, int querySize,
            int keySize) {}

    /** Adds up squares. @param sums (tokens, 2) */
    public void squares(Heads heads, long sums, int tokens) {
        headSquares.begin().with(heads.query()).with(heads.key()).with(sums)
                .with(heads.querySize()).with(heads.keySize())
                .launch(tokens, 1, 1, ROW_THREADS, 0);
    }

    /**
     * Norms.
     *
     * @param sums       (devices, tokens, 2), added in their order
     * @param allQueries elements of the queries of all devices
     * @param allKeys    likewise
     */
    public void norm(Heads heads, long sums, int devices, int allQueries, int allKeys,
            float epsilon, int tokens) {
        normHeads.begin().with(heads.query()).with(heads.key()).with(heads.queryNorm())
                .with(heads.keyNorm()).with(sums).with(heads.querySize()).with(heads.keySize())
                .with(devices).with(allQueries).with(allKeys).with(epsilon)
                .launch(tokens, 1, 1, ROW_THREADS, 0);
    }
}
