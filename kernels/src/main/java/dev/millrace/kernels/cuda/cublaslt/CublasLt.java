package dev.millrace.kernels.cuda.cublaslt;

import dev.millrace.kernels.ForeignLibrary;
import dev.millrace.kernels.KernelException;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * NVIDIA's {@code libcublasLt.so.13}. Called through Java's own foreign functions and not through
 * JavaCPP's preset for cuBLAS, which is linked against {@code libcublas.so.13} as well, fails for
 * good where either is missing, and reads the structures of the release that it was made for: what
 * is used here are fourteen functions, whose structures the library makes itself.
 */
public final class CublasLt {

    /** By this name the loader finds it, in the package {@code libcublas-13-0}. */
    public static final String LIBRARY = "libcublasLt.so.13";

    private static final int LEAST_VERSION = 130_000;
    private static final int ERROR_BYTES = 256;
    private static final AddressLayout POINTER = ValueLayout.ADDRESS;

    private final ForeignLibrary library;
    private final MethodHandle matmul;

    @SuppressWarnings("restricted")
    private CublasLt(SymbolLookup symbols) {
        library = new ForeignLibrary("cuBLASLt", symbols);
        matmul = Linker.nativeLinker().downcallHandle(symbols.findOrThrow("cublasLtMatmul"),
                FunctionDescriptor.of(ValueLayout.JAVA_INT, POINTER, POINTER, POINTER, POINTER,
                        POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER,
                        POINTER, POINTER, ValueLayout.JAVA_LONG, POINTER));
    }

    /**
     * Loads the library.
     *
     * @throws KernelException if it is not there or too old; says what to do
     */
    public static CublasLt load() {
        return load(LIBRARY);
    }

    /** @param name of a library, or its path */
    @SuppressWarnings("restricted")
    public static CublasLt load(String name) {
        SymbolLookup symbols;
        try {
            // For ever: it may have threads of its own.
            symbols = SymbolLookup.libraryLookup(name, Arena.global());
        } catch (IllegalArgumentException e) {
            throw new KernelException("products by cuBLAS need " + name + ", which is not there:"
                    + " install libcublas-13-0, and see that the loader finds it"
                    + " (LD_LIBRARY_PATH), or leave products to Millrace's own kernels", e);
        }
        CublasLt found = new CublasLt(symbols);
        requireVersion(found.versionNumber());
        return found;
    }

    static void requireVersion(long version) {
        if (version < LEAST_VERSION) {
            throw new KernelException("cuBLASLt is of version " + versionText(version) + ", and "
                    + versionText(LEAST_VERSION) + " or newer is needed: install libcublas-13-0,"
                    + " or leave products to Millrace's own kernels");
        }
    }

    private static String versionText(long version) {
        return version / 10_000 + "." + version / 100 % 100 + "." + version % 100;
    }

    /** Its release, such as {@code 13.1.1}. */
    public String version() {
        return versionText(versionNumber());
    }

    @SuppressWarnings("restricted")
    private long versionNumber() {
        try {
            return (long) Linker.nativeLinker().downcallHandle(
                    library.symbols().findOrThrow("cublasLtGetVersion"),
                    FunctionDescriptor.of(ValueLayout.JAVA_LONG)).invokeExact();
        } catch (Throwable e) {
            throw new IllegalStateException("cuBLASLt cannot be called", e);
        }
    }

    /** @return the function's error code, 0 for none */
    int call(String function, Object... arguments) {
        return library.call(function, arguments);
    }

    /** The same, where an error is none that could be expected. */
    void require(String function, Object... arguments) {
        check(call(function, arguments), function);
    }

    void check(int error, String what) {
        if (error != 0) {
            throw new KernelException("cuBLASLt could not do " + what + ": " + text(error)
                    + " (cuBLAS error " + error + ")");
        }
    }

    @SuppressWarnings("restricted")
    private String text(int error) {
        try {
            MemorySegment text = (MemorySegment) Linker.nativeLinker().downcallHandle(
                    library.symbols().findOrThrow("cublasLtGetStatusString"),
                    FunctionDescriptor.of(POINTER, ValueLayout.JAVA_INT)).invokeExact(error);
            return text.reinterpret(ERROR_BYTES).getString(0);
        } catch (Throwable e) {
            throw new IllegalStateException("cuBLASLt cannot be called", e);
        }
    }

    /** {@code cublasLtMatmul}, of which C and D are the same matrix. */
    int matmul(MemorySegment handle, MemorySegment operation, MemorySegment alpha,
            MemorySegment a, MemorySegment aLayout, MemorySegment b, MemorySegment bLayout,
            MemorySegment beta, MemorySegment d, MemorySegment dLayout, MemorySegment algorithm,
            MemorySegment workspace, long workspaceBytes, MemorySegment stream) {
        try {
            return (int) matmul.invokeExact(handle, operation, alpha, a, aLayout, b, bLayout,
                    beta, d, dLayout, d, dLayout, algorithm, workspace, workspaceBytes, stream);
        } catch (Throwable e) {
            throw new IllegalStateException("cuBLASLt cannot be called", e);
        }
    }
}
