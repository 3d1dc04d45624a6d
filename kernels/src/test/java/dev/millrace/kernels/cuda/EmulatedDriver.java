package dev.millrace.kernels.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/**
 * A driver of NVIDIA's that runs kernels on this processor: built once from the kernels' sources by
 * the system's C++ compiler, and loaded into this process as {@code libcuda.so.1}, with stand-ins
 * for {@code libnccl.so.2} and {@code libcublasLt.so.13}. Tests that need it are skipped where
 * there is no such compiler, or no x86-64 with AVX2.
 */
public final class EmulatedDriver {

    private static final String SOURCES = "/cuda-emulator/";
    private static final String KERNELS = "/cuda/";
    private static final int BUILD_SECONDS = 300;
    private static final List<String> FILES = List.of("build.sh", "cublaslt.cpp", "driver.cpp",
            "emulator.cpp", "emulator.h", "failures.cpp", "failures.h", "nccl.cpp", "planted.cu",
            "races.cpp", "streams.h");
    /** Names a folder with a driver that was built before, for a process of a test. */
    static final String FOLDER_PROPERTY = "millrace.emulator.folder";

    private static boolean loaded;

    private EmulatedDriver() {}

    /** Loads the driver; from then on {@link CudaProbe} finds a device. */
    @SuppressWarnings("restricted")
    public static synchronized void load() {
        if (!loaded) {
            String built = System.getProperty(FOLDER_PROPERTY);
            Path folder = built == null ? build("") : Path.of(built);
            System.load(folder.resolve("libcudart.so.13").toString());
            System.load(folder.resolve("libcuda.so.1").toString());
            System.load(folder.resolve("libnccl.so.2").toString());
            System.load(folder.resolve("libcublasLt.so.13").toString());
            loaded = true;
        }
    }

    /** An emulated device, as a user of {@link CudaProbe} finds it. */
    public static CudaDevice open() {
        return open(devices(1).getFirst());
    }

    static CudaDevice open(CudaDeviceInfo info) {
        return CudaDevice.open(info, image());
    }

    /** So many emulated devices, which can be used from now on. */
    public static List<CudaDeviceInfo> devices(int count) {
        long before = set("devices", count);
        try {
            CudaProbe.Finding found = CudaProbe.find();
            if (found.devices().size() != count) {
                throw new AssertionError(found.devices() + " " + found.reason());
            }
            return found.devices();
        } finally {
            set("devices", before);
        }
    }

    /**
     * Changes what the driver stands in for: {@code reverse} 1 runs warps backwards,
     * {@code blocks} 1 runs blocks of threads backwards and more in an order of that seed,
     * {@code memory} bytes, {@code multiprocessors}, {@code capability} such as 90,
     * {@code driver} such as 13000, {@code devices}, {@code shared} bytes that a block of threads
     * may have.
     *
     * @return what it was
     */
    public static long set(String what, long value) {
        try (Arena arena = Arena.ofConfined()) {
            return (long) function("millrace_emulator_set", ValueLayout.ADDRESS,
                    ValueLayout.JAVA_LONG).invokeExact(arena.allocateFrom(what), value);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /**
     * What the driver was asked for since it was loaded: {@code launches} of kernels,
     * {@code graphs} launched, {@code captures} made, bytes {@code read} outside of graphs.
     */
    public static long count(String what) {
        try (Arena arena = Arena.ofConfined()) {
            return (long) function("millrace_emulator_count", ValueLayout.ADDRESS)
                    .invokeExact(arena.allocateFrom(what));
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /**
     * Has a call fail: {@code allocate}, {@code pin}, {@code copy} (and clear), {@code launch} of a
     * kernel, {@code graph} (its launch), {@code instantiate}, {@code synchronize},
     * {@code exchange} (its last device is lost when it comes to it), {@code network} (NCCL notices
     * an error, and the exchange never ends). After 214, 700 and 719 the device answers everything
     * with that error, until {@link #repair}.
     *
     * @param calls 1 for the next
     * @param error of CUDA; of NCCL for {@code network}
     */
    public static void fail(String call, long calls, long error) {
        try (Arena arena = Arena.ofConfined()) {
            long planned = (long) function("millrace_emulator_fail", ValueLayout.ADDRESS,
                    ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG)
                    .invokeExact(arena.allocateFrom(call), calls, error);
            assert planned == error;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** Devices work again. @return how many failures that were asked for never came up */
    public static long repair() {
        try {
            return (long) function("millrace_emulator_repair").invokeExact();
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** One of its own functions, of a long. */
    @SuppressWarnings("restricted")
    private static MethodHandle function(String name, ValueLayout... arguments) {
        load();
        return Linker.nativeLinker().downcallHandle(
                SymbolLookup.libraryLookup("libcuda.so.1", Arena.global()).findOrThrow(name),
                FunctionDescriptor.of(ValueLayout.JAVA_LONG, arguments));
    }

    /** What the emulated driver takes for compiled kernels. */
    public static byte[] image() {
        return "the emulator has its own".getBytes(StandardCharsets.UTF_8);
    }

    private static boolean isPossible() {
        try {
            return System.getProperty("os.name").equals("Linux")
                    && System.getProperty("os.arch").equals("amd64")
                    && Files.readString(Path.of("/proc/cpuinfo")).contains(" avx2 ")
                    && new ProcessBuilder("sh", "-c", "command -v \"${CXX:-g++}\"")
                            .redirectErrorStream(true).redirectOutput(
                                    ProcessBuilder.Redirect.DISCARD)
                            .start().waitFor() == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /**
     * Builds it unless that was done before from the same sources.
     *
     * @param check what the kernels' accesses are checked for: "address", "races" or nothing
     * @return the folder with the libraries
     */
    static Path build(String check) {
        Assumptions.assumeTrue(isPossible(), "the CUDA emulator needs g++ (or CXX) on Linux with"
                + " AVX2 on x86-64");
        try {
            List<String> kernels = new ArrayList<>(text(KERNELS + "files").lines().toList());
            kernels.add("files");
            Path folder = folder(kernels).resolve(check);
            Files.createDirectories(folder);
            try (FileChannel channel = FileChannel.open(folder.resolve("lock"),
                    StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    FileLock lock = channel.lock()) {
                if (lock.isValid() && !Files.exists(folder.resolve("built"))) {
                    write(KERNELS, kernels, folder);
                    write(SOURCES, FILES, folder);
                    compile(folder, check);
                    Files.createFile(folder.resolve("built"));
                }
            }
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** All modules share what the first of them built. */
    private static Path folder(List<String> kernels) throws IOException {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (String each : kernels) {
                digest.update(text(KERNELS + each).getBytes(StandardCharsets.UTF_8));
            }
            for (String each : FILES) {
                digest.update(text(SOURCES + each).getBytes(StandardCharsets.UTF_8));
            }
            return Path.of("../kernels/target/cuda-emulator", HexFormat.of()
                    .formatHex(digest.digest(), 0, 8)).toAbsolutePath().normalize();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String text(String resource) throws IOException {
        try (InputStream in = EmulatedDriver.class.getResourceAsStream(resource)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static void write(String base, List<String> names, Path folder) throws IOException {
        for (String name : names) {
            Files.writeString(folder.resolve(name), text(base + name));
        }
    }

    private static void compile(Path folder, String check) throws IOException {
        Path log = folder.resolve("log");
        ProcessBuilder builder = new ProcessBuilder("sh", folder.resolve("build.sh").toString(),
                folder.toString(), folder.toString())
                .redirectErrorStream(true).redirectOutput(log.toFile());
        builder.environment().put("CHECK", check);
        Process process = builder.start();
        try {
            if (!process.waitFor(BUILD_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
                process.destroyForcibly();
                throw new AssertionError("the emulator does not build:\n" + Files.readString(log));
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while the emulator was built", e);
        }
    }
}
