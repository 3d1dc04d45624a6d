package dev.millrace.kernels.cuda;

import dev.millrace.kernels.KernelException;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * NVIDIA's library for traffic between GPUs, {@code libnccl.so.2}, as far as {@link DeviceGroup}
 * needs it. Found at run time, and only when several GPUs are to work on one model.
 */
public final class Nccl {

    private static final String LIBRARY = "libnccl.so.2";
    /** The oldest release that was made for CUDA 13. */
    private static final int LEAST_VERSION = 22_700;
    private static final int FLOAT = 7;
    private static final int IN_PROGRESS = 7;
    private static final int INVALID_ARGUMENT = 4;
    private static final int INVALID_USAGE = 5;
    private static final int ERROR_BYTES = 256;
    private static final AddressLayout POINTER = ValueLayout.ADDRESS;

    private final MethodHandle commInitAll;
    private final MethodHandle commDestroy;
    private final MethodHandle commAbort;
    private final MethodHandle groupStart;
    private final MethodHandle groupEnd;
    private final MethodHandle allGather;
    private final MethodHandle asyncError;
    private final MethodHandle errorString;

    @SuppressWarnings("restricted")
    private Nccl(SymbolLookup library) {
        commInitAll = function(library, "ncclCommInitAll", POINTER, ValueLayout.JAVA_INT, POINTER);
        commDestroy = function(library, "ncclCommDestroy", POINTER);
        commAbort = function(library, "ncclCommAbort", POINTER);
        groupStart = function(library, "ncclGroupStart");
        groupEnd = function(library, "ncclGroupEnd");
        allGather = function(library, "ncclAllGather", POINTER, POINTER, ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_INT, POINTER, POINTER);
        asyncError = function(library, "ncclCommGetAsyncError", POINTER, POINTER);
        errorString = Linker.nativeLinker().downcallHandle(
                library.findOrThrow("ncclGetErrorString"),
                FunctionDescriptor.of(POINTER, ValueLayout.JAVA_INT));
    }

    /**
     * Loads the library.
     *
     * @throws KernelException if it is not there or too old; says what to do
     */
    public static Nccl load() {
        return load(LIBRARY);
    }

    @SuppressWarnings("restricted")
    static Nccl load(String name) {
        SymbolLookup library;
        try {
            // For ever: it may have threads of its own.
            library = SymbolLookup.libraryLookup(name, Arena.global());
        } catch (IllegalArgumentException e) {
            throw new KernelException("several GPUs cannot work on one model without NCCL (" + name
                    + " is not there): install libnccl2 for CUDA 13, and see that the loader finds"
                    + " it (LD_LIBRARY_PATH), or use one GPU", e);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment version = arena.allocate(ValueLayout.JAVA_INT);
            call(function(library, "ncclGetVersion", POINTER), version);
            requireVersion(version.get(ValueLayout.JAVA_INT, 0));
        }
        return new Nccl(library);
    }

    static void requireVersion(int version) {
        if (version < LEAST_VERSION) {
            throw new KernelException("NCCL is of version " + versionText(version) + ", and "
                    + versionText(LEAST_VERSION) + " or newer is needed: update libnccl2, or use"
                    + " one GPU");
        }
    }

    private static String versionText(int version) {
        return version / 10_000 + "." + version / 100 % 100 + "." + version % 100;
    }

    @SuppressWarnings("restricted")
    private static MethodHandle function(SymbolLookup library, String name,
            MemoryLayout... arguments) {
        return Linker.nativeLinker().downcallHandle(library.findOrThrow(name),
                FunctionDescriptor.of(ValueLayout.JAVA_INT, arguments));
    }

    private static int call(MethodHandle function, Object... arguments) {
        try {
            return (int) function.invokeWithArguments(arguments);
        } catch (Throwable e) {
            throw uncallable(e);
        }
    }

    private static IllegalStateException uncallable(Throwable cause) {
        return new IllegalStateException("NCCL cannot be called", cause);
    }

    /** Makes a communicator of each device; they belong together. */
    MemorySegment[] communicators(int[] devices) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment made = arena.allocate(POINTER, devices.length);
            check(call(commInitAll, made, devices.length,
                    arena.allocateFrom(ValueLayout.JAVA_INT, devices)), "connect the GPUs");
            MemorySegment[] communicators = new MemorySegment[devices.length];
            for (int i = 0; i < devices.length; i++) {
                communicators[i] = made.getAtIndex(POINTER, i);
            }
            return communicators;
        }
    }

    /** Errors no longer matter. */
    void destroy(MemorySegment communicator) {
        call(commDestroy, communicator);
    }

    /** Gives up whatever it still waits for. Errors no longer matter. */
    void abort(MemorySegment communicator) {
        call(commAbort, communicator);
    }

    /**
     * What has gone wrong with a communicator's exchanges since they were queued.
     *
     * @return an error; 0 if there is none
     */
    int asyncError(MemorySegment communicator) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(ValueLayout.JAVA_INT);
            int error = (int) asyncError.invokeExact(communicator, state);
            int found = error == 0 ? state.get(ValueLayout.JAVA_INT, 0) : error;
            return found == IN_PROGRESS ? 0 : found;
        } catch (Throwable e) {
            throw uncallable(e);
        }
    }

    /** What is asked for from here on until {@link #endGroup} happens together. @return an error */
    int startGroup() {
        try {
            return (int) groupStart.invokeExact();
        } catch (Throwable e) {
            throw uncallable(e);
        }
    }

    /** @return an error, of anything since {@link #startGroup}; 0 for none */
    int endGroup() {
        try {
            return (int) groupEnd.invokeExact();
        } catch (Throwable e) {
            throw uncallable(e);
        }
    }

    /**
     * Queues one device's part of a gathering: its floats go to all, in the order of devices.
     *
     * @return an error; 0 for none
     */
    int allGather(MemorySegment source, MemorySegment target, long floats,
            MemorySegment communicator, MemorySegment stream) {
        try {
            return (int) allGather.invokeExact(source, target, floats, FLOAT, communicator,
                    stream);
        } catch (Throwable e) {
            throw uncallable(e);
        }
    }

    /** Whether a communicator is as good as before after an error that a call returned. */
    static boolean isHarmless(int error) {
        return error == INVALID_ARGUMENT || error == INVALID_USAGE;
    }

    /** The library's words for an error, and its number. */
    @SuppressWarnings("restricted")
    String words(int error) {
        try {
            MemorySegment text = (MemorySegment) errorString.invokeExact(error);
            return text.reinterpret(ERROR_BYTES).getString(0) + " (NCCL error " + error + ")";
        } catch (Throwable e) {
            throw uncallable(e);
        }
    }

    private void check(int error, String what) {
        if (error != 0) {
            throw new KernelException("NCCL could not " + what + ": " + words(error));
        }
    }
}
