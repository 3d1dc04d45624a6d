package dev.millrace.kernels.cpu;

import dev.millrace.kernels.KernelException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

/**
 * The functions of the native kernels, as {@code kernels.c} defines them. Loaded once per process,
 * when first asked for; a failure is kept with its reason.
 *
 * <p>Functions that compute take Java arrays where they lie, which holds off garbage collections
 * for as long as a call takes: callers keep calls short.
 */
final class NativeFunctions {

    /** What {@code kernels.c} must say for this class to understand it. */
    private static final int INTERFACE_VERSION = 4;

    private static final SymbolLookup SYMBOLS;
    private static final KernelException FAILURE;

    static {
        SymbolLookup symbols = null;
        KernelException failure = null;
        try {
            symbols = NativeLibrary.load();
            checkVersion(callInt(symbols, "interface_version"));
        } catch (KernelException e) {
            failure = e;
        }
        SYMBOLS = symbols;
        FAILURE = failure;
    }

    // Constants, or every call would cost ten times as much and allocate.
    private static final MethodHandle ROW_BYTES = function("row_bytes",
            FunctionDescriptor.of(JAVA_LONG, JAVA_LONG));
    private static final MethodHandle TILE_BYTES = function("tile_bytes",
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG));
    private static final MethodHandle PANEL_BYTES = function("panel_bytes",
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG));
    private static final MethodHandle PACK = kernel("pack", FunctionDescriptor.ofVoid(JAVA_INT,
            JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_LONG, ADDRESS, JAVA_LONG));
    private static final MethodHandle QUANTISE = kernel("quantise", FunctionDescriptor
            .ofVoid(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle MULTIPLY = kernel("multiply", FunctionDescriptor
            .ofVoid(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG,
                    JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_INT));
    private static final MethodHandle SCORE = kernel("score", FunctionDescriptor
            .ofVoid(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS,
                    JAVA_LONG, JAVA_LONG));
    private static final MethodHandle ADD_VALUES = kernel("add_values", FunctionDescriptor
            .ofVoid(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG,
                    ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG));

    private NativeFunctions() {}

    static void checkVersion(int version) {
        if (version != INTERFACE_VERSION) {
            throw new KernelException("the native kernels are of another version (" + version
                    + ", not " + INTERFACE_VERSION + "): build the project again");
        }
    }

    /** What packed matrices are laid out by: this very library. */
    static String layout() {
        return "native kernels " + INTERFACE_VERSION + ", library "
                + Integer.toHexString(NativeLibrary.checksum());
    }

    /**
     * The variants that were built and that this processor can run, the fastest last.
     *
     * @throws KernelException if the library cannot be used at all; says what to do
     */
    static List<NativeVariant> variants() {
        if (FAILURE != null) {
            throw FAILURE;
        }
        return variants(callInt(SYMBOLS, "built_variants"),
                callInt(SYMBOLS, "runnable_variants"));
    }

    /** Chooses among variants, given as a bit for each. */
    static List<NativeVariant> variants(int built, int runnable) {
        List<NativeVariant> variants = Arrays.stream(NativeVariant.values())
                .filter(variant -> variant.isIn(built & runnable)).toList();
        if (variants.isEmpty()) {
            throw new KernelException("the native kernels were built for " + names(built)
                    + ", and this processor has " + names(runnable) + ": use the vector kernels");
        }
        return variants;
    }

    private static String names(int variants) {
        String names = Arrays.stream(NativeVariant.values())
                .filter(variant -> variant.isIn(variants)).map(NativeVariant::label)
                .collect(Collectors.joining(", "));
        return names.isEmpty() ? "none of them" : names;
    }

    private static int callInt(SymbolLookup symbols, String name) {
        try {
            return (int) link(symbols, name, FunctionDescriptor.of(JAVA_INT)).invokeExact();
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    private static MethodHandle function(String name, FunctionDescriptor type) {
        return SYMBOLS == null ? null : link(SYMBOLS, name, type);
    }

    /** A function that computes, as a handle that takes arrays where they lie; null without any. */
    static MethodHandle kernel(String name, FunctionDescriptor type) {
        return SYMBOLS == null ? null : link(SYMBOLS, name, type, Linker.Option.critical(true));
    }

    @SuppressWarnings("restricted")
    private static MethodHandle link(SymbolLookup symbols, String name, FunctionDescriptor type,
            Linker.Option... options) {
        MemorySegment symbol = symbols.find("millrace_" + name).orElseThrow(
                () -> new KernelException("the native kernels have no function " + name
                        + ": build the project again"));
        return Linker.nativeLinker().downcallHandle(symbol, type, options);
    }

    /** From one row of quantised activations to the next. */
    static long rowBytes(int units) {
        try {
            return (long) ROW_BYTES.invokeExact((long) units);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /** From one tile to the next, as C has it. */
    static long tileBytes(NativeLayout layout) {
        try {
            return (long) TILE_BYTES.invokeExact(layout.formatIndex(), (long) layout.units());
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /** What a panel takes, as C has it. */
    static long panelBytes(NativeLayout layout) {
        try {
            return (long) PANEL_BYTES.invokeExact(layout.formatIndex(), (long) layout.units());
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /**
     * Packs up to 16 rows of a tensor into a tile.
     *
     * @param source the rows' blocks
     * @param points the lattice of IQ2_XXS
     */
    static void pack(NativeVariant variant, NativeLayout layout, MemorySegment source,
            long rowBytes, int rows, MemorySegment points, long tile) {
        try {
            PACK.invokeExact(variant.ordinal(), layout.formatIndex(), source, rowBytes, rows,
                    (long) layout.units(), points, tile);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /** Quantises one row of (rows, columns) activations into memory for all rows. */
    static void quantise(NativeVariant variant, MemorySegment x, int columns, int row,
            long quantised) {
        try {
            QUANTISE.invokeExact(variant.ordinal(), x, (long) columns, (long) row, quantised);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /**
     * Multiplies rows {@code [beginRow, endRow)} with outputs {@code [begin, end)}.
     *
     * @param tiles       address of the matrix
     * @param x           address of the quantised rows
     * @param y           (rows, outputs)
     * @param panels      address of memory for panels of these outputs, or 0
     * @param panelsReady whether the panels hold these outputs already
     */
    static void multiply(NativeVariant variant, NativeLayout layout, int outputs, int beginRow,
            int endRow, int begin, int end, long tiles, long x, MemorySegment y, long panels,
            boolean panelsReady) {
        try {
            MULTIPLY.invokeExact(variant.ordinal(), layout.formatIndex(), (long) layout.units(),
                    (long) outputs, (long) beginRow, (long) endRow, (long) begin, (long) end, tiles,
                    x, y, panels, panelsReady ? 1 : 0);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /** Scores of rows of queries with key tiles; {@link NativeTiles} says what is what. */
    static void score(NativeVariant variant, int headSize, int rows, int tiles,
            MemorySegment addresses, long queries, MemorySegment scores, int column, int pitch) {
        try {
            SCORE.invokeExact(variant.ordinal(), (long) headSize, (long) rows, (long) tiles,
                    addresses, queries, scores, (long) column, (long) pitch);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /** Adds weighted values of value tiles; {@link NativeTiles} says what is what. */
    static void addValues(NativeVariant variant, int headSize, int rows, int tiles,
            MemorySegment addresses, int begin, int end, MemorySegment weights, int column,
            int pitch, MemorySegment sums, int sumPitch) {
        try {
            ADD_VALUES.invokeExact(variant.ordinal(), (long) headSize, (long) rows, (long) tiles,
                    addresses, (long) begin, (long) end, weights, (long) column, (long) pitch,
                    sums, (long) sumPitch);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    /** Native functions throw nothing; what comes here is the JVM's own. */
    static RuntimeException rethrow(Throwable e) {
        if (e instanceof Error error) {
            throw error;
        }
        return e instanceof RuntimeException exception
                ? exception
                : new IllegalStateException("a call of the native kernels failed", e);
    }
}
