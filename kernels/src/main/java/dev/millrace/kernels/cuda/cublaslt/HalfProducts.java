package dev.millrace.kernels.cuda.cublaslt;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Products of halves with sums in floats on one device: (tokens, rows) of (rows, columns) and
 * (tokens, columns), all with their rows one after the other. An algorithm is chosen once for every
 * shape, and kept. One thread at a time, for which the device is current.
 *
 * <p>The library takes matrices to have their columns one after the other, so it is told of the
 * transposed ones: (rows, tokens) is the transposed (columns, rows) times (columns, tokens).
 */
public final class HalfProducts implements AutoCloseable {

    /** Shapes that are remembered: a prompt's last chunk may have any number of tokens. */
    private static final int MOST_SHAPES = 256;

    // Of cublasLt.h and library_types.h, 13.0 to 13.1.
    private static final int FLOATS = 0;
    private static final int HALVES = 2;
    private static final int COMPUTE_FLOATS = 68;
    private static final int TRANSPOSED = 1;
    private static final int OPERATION_TRANSPOSE_A = 3;
    private static final int PREFERENCE_WORKSPACE = 1;
    private static final int PREFERENCE_REDUCTIONS = 3;
    private static final int REDUCTION_NONE = 0;
    private static final int ALGORITHM_BYTES = 64;
    private static final int RESULT_BYTES = 96;
    private static final int RESULT_STATE_AT = 72;

    private final CublasLt library;
    private final MemorySegment workspace;
    private final long workspaceBytes;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment handle;
    private final MemorySegment operation;
    private final MemorySegment preference;
    private final MemorySegment alpha;
    private final MemorySegment beta;
    private final Map<Shape, Optional<Plan>> plans = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Shape, Optional<Plan>> eldest) {
            if (size() > MOST_SHAPES) {
                eldest.getValue().ifPresent(HalfProducts.this::forget);
                return true;
            }
            return false;
        }
    };
    private boolean closed;

    /** What an algorithm is chosen for. */
    private record Shape(int rows, int columns, int tokens) {}

    /** How a shape is computed: descriptors of its matrices, and the algorithm. */
    private record Plan(MemorySegment a, MemorySegment b, MemorySegment d,
            MemorySegment algorithm) {}

    /**
     * For the device that is current.
     *
     * @param workspace address of device memory that algorithms may use
     * @throws dev.millrace.kernels.KernelException if the library refuses
     */
    public HalfProducts(CublasLt library, long workspace, long workspaceBytes) {
        this.library = library;
        this.workspace = MemorySegment.ofAddress(workspace);
        this.workspaceBytes = workspaceBytes;
        alpha = arena.allocate(ValueLayout.JAVA_FLOAT);
        beta = arena.allocate(ValueLayout.JAVA_FLOAT);
        try {
            operation = made("cublasLtMatmulDescCreate", COMPUTE_FLOATS, FLOATS);
            attribute("cublasLtMatmulDescSetAttribute", operation, OPERATION_TRANSPOSE_A,
                    arena.allocateFrom(ValueLayout.JAVA_INT, TRANSPOSED));
            preference = made("cublasLtMatmulPreferenceCreate");
            attribute("cublasLtMatmulPreferenceSetAttribute", preference, PREFERENCE_WORKSPACE,
                    arena.allocateFrom(ValueLayout.JAVA_LONG, workspaceBytes));
            // A sum is one thread block's, and not that of several which add to it as they come.
            attribute("cublasLtMatmulPreferenceSetAttribute", preference, PREFERENCE_REDUCTIONS,
                    arena.allocateFrom(ValueLayout.JAVA_INT, REDUCTION_NONE));
            handle = made("cublasLtCreate");
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    /** What a function puts where its first argument points. */
    private MemorySegment made(String function, Object... others) {
        try (Arena place = Arena.ofConfined()) {
            MemorySegment made = place.allocate(ValueLayout.ADDRESS);
            Object[] arguments = new Object[others.length + 1];
            arguments[0] = made;
            System.arraycopy(others, 0, arguments, 1, others.length);
            library.require(function, arguments);
            return made.get(ValueLayout.ADDRESS, 0);
        }
    }

    private void attribute(String function, MemorySegment of, int attribute,
            MemorySegment value) {
        library.require(function, of, attribute, value, value.byteSize());
    }

    /**
     * Whether the library has an algorithm for a shape that keeps to the workspace and to one sum
     * per number.
     */
    public boolean has(int rows, int columns, int tokens) {
        return plan(new Shape(rows, columns, tokens)).isPresent();
    }

    private Optional<Plan> plan(Shape shape) {
        return plans.computeIfAbsent(shape, this::choose);
    }

    /**
     * Asks for the exact number of tokens, as the library's manual has it: nothing says that an
     * algorithm is good for another. That takes microseconds, once for every shape.
     */
    private Optional<Plan> choose(Shape shape) {
        MemorySegment a = layout(HALVES, shape.columns(), shape.rows());
        MemorySegment b = layout(HALVES, shape.columns(), shape.tokens());
        MemorySegment d = layout(FLOATS, shape.rows(), shape.tokens());
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment result = scratch.allocate(RESULT_BYTES, Long.BYTES);
            MemorySegment count = scratch.allocate(ValueLayout.JAVA_INT);
            int error = library.call("cublasLtMatmulAlgoGetHeuristic", handle, operation, a, b, d,
                    d, preference, 1, result, count);
            Plan plan = new Plan(a, b, d, Arena.ofAuto().allocate(ALGORITHM_BYTES, Long.BYTES)
                    .copyFrom(result.asSlice(0, ALGORITHM_BYTES)));
            if (error == 0 && count.get(ValueLayout.JAVA_INT, 0) == 1
                    && result.get(ValueLayout.JAVA_INT, RESULT_STATE_AT) == 0) {
                return Optional.of(plan);
            }
            forget(plan);
            return Optional.empty();
        }
    }

    private MemorySegment layout(int type, long rows, long columns) {
        return made("cublasLtMatrixLayoutCreate", type, rows, columns, rows);
    }

    private void forget(Plan plan) {
        library.call("cublasLtMatrixLayoutDestroy", plan.a());
        library.call("cublasLtMatrixLayoutDestroy", plan.b());
        library.call("cublasLtMatrixLayoutDestroy", plan.d());
    }

    /**
     * Queues {@code out = factor * x weights^T}, or adds that to what is there.
     *
     * @param weights (rows, columns) halves; columns a multiple of 8, as all matrices at multiples
     *                of 256
     * @param x       (tokens, columns) halves
     * @param out     (tokens, rows) floats
     * @param stream  of the device
     * @throws IllegalStateException if there is no algorithm, see {@link #has}
     */
    public void multiply(int rows, int columns, int tokens, long weights, long x, float factor,
            boolean adds, long out, MemorySegment stream) {
        Plan plan = plan(new Shape(rows, columns, tokens)).orElseThrow(
                () -> new IllegalStateException("there is no algorithm for " + rows + " x "
                        + columns + " x " + tokens));
        alpha.set(ValueLayout.JAVA_FLOAT, 0, factor);
        beta.set(ValueLayout.JAVA_FLOAT, 0, adds ? 1 : 0);
        int error = library.matmul(handle, operation, alpha, MemorySegment.ofAddress(weights),
                plan.a(), MemorySegment.ofAddress(x), plan.b(), beta,
                MemorySegment.ofAddress(out), plan.d(), plan.algorithm(), workspace,
                workspaceBytes, stream);
        library.check(error, "a product of " + rows + " x " + columns + " with " + tokens
                + " tokens");
    }

    /** Gives everything back, once the device has done what it was asked for. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            plans.values().forEach(plan -> plan.ifPresent(this::forget));
            library.call("cublasLtMatmulPreferenceDestroy", preference);
            library.call("cublasLtMatmulDescDestroy", operation);
            library.call("cublasLtDestroy", handle);
            arena.close();
        }
    }
}
