package dev.millrace.kernels.cpu;

import dev.millrace.kernels.KernelException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;
import java.util.zip.CRC32C;

/**
 * Finds the library of native kernels where the build put it, in the class path by system and
 * processor, and loads it.
 */
final class NativeLibrary {

    private static final String NAME = "libmillrace_kernels.";

    private NativeLibrary() {}

    /**
     * The library for this machine, loaded for as long as the process lives.
     *
     * @throws KernelException if there is none or it cannot be loaded; says what to do
     */
    static SymbolLookup load() {
        return load(resource(System.getProperty("os.name"), System.getProperty("os.arch")));
    }

    /**
     * Tells one build of the library for this machine from another.
     *
     * @throws KernelException if there is none
     */
    static int checksum() {
        String resource = resource(System.getProperty("os.name"), System.getProperty("os.arch"));
        try (InputStream in = NativeLibrary.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw missing(resource);
            }
            CRC32C checksum = new CRC32C();
            checksum.update(in.readAllBytes());
            return (int) checksum.getValue();
        } catch (IOException e) {
            throw new KernelException("the native kernels cannot be read: " + e.getMessage(), e);
        }
    }

    private static KernelException missing(String resource) {
        return new KernelException("this build has no native kernels (" + resource
                + "): build it again where there is a C compiler, or use the vector kernels");
    }

    /**
     * The name of the library's resource.
     *
     * @param system    as {@code os.name} has it
     * @param processor as {@code os.arch} has it
     */
    static String resource(String system, String processor) {
        String folder = switch (system.toLowerCase(Locale.ROOT)) {
            case "linux" -> "linux-";
            case "mac os x" -> "macos-";
            default -> throw unsupported(system, processor);
        };
        folder += switch (processor) {
            case "amd64", "x86_64" -> "x86_64";
            case "aarch64" -> "aarch64";
            default -> throw unsupported(system, processor);
        };
        return "/native/" + folder + "/" + NAME + (folder.startsWith("linux") ? "so" : "dylib");
    }

    private static KernelException unsupported(String system, String processor) {
        return new KernelException("the native kernels are for Linux and macOS on x86-64 and ARM64,"
                + " this is " + system + " on " + processor + ": use the vector kernels");
    }

    /** Only the owner may read or change the copy that is loaded, and it has no name after that. */
    static SymbolLookup load(String resource) {
        try (InputStream in = NativeLibrary.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw missing(resource);
            }
            Path copy = Files.createTempFile("millrace-", ".library", PosixFilePermissions
                    .asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            try {
                Files.copy(in, copy, StandardCopyOption.REPLACE_EXISTING);
                return open(copy);
            } finally {
                Files.deleteIfExists(copy);
            }
        } catch (IOException e) {
            throw new KernelException("the native kernels cannot be copied to "
                    + System.getProperty("java.io.tmpdir") + " (" + e.getMessage()
                    + "): make room there, or name another folder with -Djava.io.tmpdir", e);
        }
    }

    @SuppressWarnings("restricted")
    private static SymbolLookup open(Path library) {
        try {
            return SymbolLookup.libraryLookup(library, Arena.global());
        } catch (IllegalArgumentException e) {
            throw new KernelException("the system does not load the native kernels ("
                    + e.getMessage() + "): if it forbids programs in "
                    + System.getProperty("java.io.tmpdir")
                    + ", name another folder with -Djava.io.tmpdir", e);
        }
    }
}
