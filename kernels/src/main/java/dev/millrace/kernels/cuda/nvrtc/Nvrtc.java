package dev.millrace.kernels.cuda.nvrtc;

import dev.millrace.kernels.ForeignLibrary;
import dev.millrace.kernels.KernelException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * NVIDIA's compiler as a library (NVRTC), {@code libnvrtc.so.13}: from CUDA C++ to the machine code
 * of one architecture, without a device, a driver or header files. Found at run time, through
 * Java's own foreign functions, and only where a build has no kernels for a device.
 */
public final class Nvrtc {

    /** By this name the loader finds it, in the package {@code cuda-nvrtc-13-0}. */
    public static final String LIBRARY = "libnvrtc.so.13";

    /** Of the compiler's log, what an error tells. */
    private static final int LOG_LINES = 4;
    private static final int ERROR_BYTES = 256;

    private final ForeignLibrary library;

    private Nvrtc(SymbolLookup library) {
        this.library = new ForeignLibrary("NVRTC", library);
    }

    /** Loads the library; empty if it is not there. */
    public static Optional<Nvrtc> find() {
        return find(LIBRARY);
    }

    /** @param name of a library, or its path */
    @SuppressWarnings("restricted")
    public static Optional<Nvrtc> find(String name) {
        try {
            // For ever: it may have threads of its own.
            return Optional.of(new Nvrtc(SymbolLookup.libraryLookup(name, Arena.global())));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /** Its release, such as {@code 13.0}. */
    public String version() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment major = arena.allocate(ValueLayout.JAVA_INT);
            MemorySegment minor = arena.allocate(ValueLayout.JAVA_INT);
            check("nvrtcVersion", library.call("nvrtcVersion", major, minor));
            return major.get(ValueLayout.JAVA_INT, 0) + "." + minor.get(ValueLayout.JAVA_INT, 0);
        }
    }

    /** The architectures that it compiles for, such as 90 for {@code sm_90}, ascending. */
    public List<Integer> architectures() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
            check("nvrtcGetNumSupportedArchs", library.call("nvrtcGetNumSupportedArchs", count));
            MemorySegment all = arena.allocate(ValueLayout.JAVA_INT,
                    count.get(ValueLayout.JAVA_INT, 0));
            check("nvrtcGetSupportedArchs", library.call("nvrtcGetSupportedArchs", all));
            return Arrays.stream(all.toArray(ValueLayout.JAVA_INT)).sorted().boxed().toList();
        }
    }

    /** What a source is compiled with, beside the architecture. */
    static List<String> options(int architecture) {
        return List.of("--gpu-architecture=sm_" + architecture, "--std=c++17",
                "--split-compile=0"); // by as many threads as there are processors
    }

    /**
     * Compiles a source that includes nothing. Takes some ten seconds of one processor.
     *
     * @param source       in CUDA C++
     * @param architecture one of {@link #architectures}
     * @return an image that the driver loads
     * @throws KernelException if it does not compile; tells where the log begins
     */
    public byte[] compile(String source, int architecture) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment place = arena.allocate(ValueLayout.ADDRESS);
            check("nvrtcCreateProgram", library.call("nvrtcCreateProgram", place,
                    arena.allocateFrom(source), arena.allocateFrom("kernels.cu"), 0,
                    MemorySegment.NULL, MemorySegment.NULL));
            MemorySegment program = place.get(ValueLayout.ADDRESS, 0);
            try {
                return compile(arena, program, architecture);
            } finally {
                library.call("nvrtcDestroyProgram", place);
            }
        }
    }

    private byte[] compile(Arena arena, MemorySegment program, int architecture) {
        List<String> options = options(architecture);
        MemorySegment texts = arena.allocate(ValueLayout.ADDRESS, options.size());
        for (int i = 0; i < options.size(); i++) {
            texts.setAtIndex(ValueLayout.ADDRESS, i, arena.allocateFrom(options.get(i)));
        }
        int error = library.call("nvrtcCompileProgram", program, options.size(), texts);
        if (error != 0) {
            throw new KernelException("NVRTC " + version() + " does not compile the kernels for"
                    + " sm_" + architecture + ": " + text(error) + ": " + logBegin(program));
        }
        return read("nvrtcGetCUBIN", program);
    }

    private String logBegin(MemorySegment program) {
        byte[] log = read("nvrtcGetProgramLog", program);
        int end = log.length > 0 && log[log.length - 1] == 0 ? log.length - 1 : log.length;
        return new String(log, 0, end).lines().map(String::strip).filter(line -> !line.isEmpty())
                .limit(LOG_LINES).collect(Collectors.joining(" / "));
    }

    /** What a function gives whose size another of its name tells. */
    private byte[] read(String function, MemorySegment program) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment size = arena.allocate(ValueLayout.JAVA_LONG);
            check(function + "Size", library.call(function + "Size", program, size));
            MemorySegment bytes = arena.allocate(size.get(ValueLayout.JAVA_LONG, 0));
            check(function, library.call(function, program, bytes));
            return bytes.toArray(ValueLayout.JAVA_BYTE);
        }
    }

    private void check(String function, int error) {
        if (error != 0) {
            throw new KernelException(function + " gives " + error + " (" + text(error) + ")");
        }
    }

    @SuppressWarnings("restricted")
    private String text(int error) {
        try {
            MemorySegment text = (MemorySegment) Linker.nativeLinker().downcallHandle(
                    library.symbols().findOrThrow("nvrtcGetErrorString"),
                    FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_INT))
                    .invokeExact(error);
            return text.reinterpret(ERROR_BYTES).getString(0);
        } catch (Throwable e) {
            throw uncallable(e);
        }
    }

    private static IllegalStateException uncallable(Throwable cause) {
        return new IllegalStateException("NVRTC cannot be called", cause);
    }
}
