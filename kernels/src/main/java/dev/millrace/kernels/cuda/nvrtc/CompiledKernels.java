package dev.millrace.kernels.cuda.nvrtc;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * The folder of kernels that were compiled at run time. It is a cache: a file is named by all that
 * it was made from and begins with the SHA-256 of the rest, what is unsound is made anew, and
 * nothing that goes wrong with the folder keeps a device from being used. Safe to use from several
 * processes at once.
 */
public final class CompiledKernels {

    private static final String SUFFIX = ".kernels";
    private static final String UNFINISHED = ".part";
    /** For a machine's kinds of devices and a few releases; each takes some megabytes. */
    private static final int MOST_FILES = 16;
    private static final int DIGEST_BYTES = 32;
    private static final int NAME_BYTES = 16;

    private final Path folder;
    private final Consumer<String> remarks;

    /**
     * @param folder  made when something is written
     * @param remarks told what takes long or goes wrong, in a sentence
     */
    public CompiledKernels(Path folder, Consumer<String> remarks) {
        this.folder = folder;
        this.remarks = remarks;
    }

    /**
     * The image of a source: what was kept of an earlier start, or compiled now and kept.
     *
     * @param architecture that the compiler knows
     * @throws dev.millrace.kernels.KernelException if the source does not compile
     */
    public byte[] image(Nvrtc compiler, String source, int architecture) {
        String version = compiler.version();
        Path file = folder.resolve(name(source, architecture, version));
        Optional<byte[]> kept = read(file);
        if (kept.isPresent()) {
            return kept.get();
        }
        remarks.accept("compiles the kernels for sm_" + architecture + " with NVRTC " + version
                + ", which takes up to a minute, once");
        byte[] image = compiler.compile(source, architecture);
        write(file, image);
        return image;
    }

    private static String name(String source, int architecture, String version) {
        String made = String.join("\n", Nvrtc.options(architecture)) + "\n" + version + "\n"
                + source;
        return "sm_" + architecture + "-" + HexFormat.of().formatHex(
                digest(made.getBytes(StandardCharsets.UTF_8), 0), 0, NAME_BYTES) + SUFFIX;
    }

    private Optional<byte[]> read(Path file) {
        try {
            byte[] all = Files.readAllBytes(file);
            if (all.length > DIGEST_BYTES && Arrays.equals(all, 0, DIGEST_BYTES,
                    digest(all, DIGEST_BYTES), 0, DIGEST_BYTES)) {
                return Optional.of(Arrays.copyOfRange(all, DIGEST_BYTES, all.length));
            }
            remarks.accept(file + " is damaged and is made anew");
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            remarks.accept(file + " cannot be read: " + e);
        }
        return Optional.empty();
    }

    /** Nobody sees a file before it is whole. */
    private void write(Path file, byte[] image) {
        try {
            Files.createDirectories(folder);
            Path unfinished = Files.createTempFile(folder, file.getFileName().toString(),
                    UNFINISHED);
            try {
                byte[] all = Arrays.copyOf(digest(image, 0), DIGEST_BYTES + image.length);
                System.arraycopy(image, 0, all, DIGEST_BYTES, image.length);
                Files.write(unfinished, all);
                Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE,
                        StandardCopyOption.REPLACE_EXISTING);
            } finally {
                Files.deleteIfExists(unfinished);
            }
            deleteOldest();
        } catch (IOException e) {
            remarks.accept("the compiled kernels cannot be kept in " + folder
                    + ", so that the next start compiles them again: " + e);
        }
    }

    /** What a process left that was killed while it wrote goes by the same count. */
    private void deleteOldest() throws IOException {
        List<Path> newestFirst;
        try (Stream<Path> files = Files.list(folder)) {
            newestFirst = files.filter(file -> file.toString().endsWith(SUFFIX)
                    || file.toString().endsWith(UNFINISHED))
                    .sorted(Comparator.comparing((Path file) -> file.toFile().lastModified())
                            .reversed())
                    .toList();
        }
        for (Path old : newestFirst.subList(Math.min(MOST_FILES, newestFirst.size()),
                newestFirst.size())) {
            Files.deleteIfExists(old);
        }
    }

    private static byte[] digest(byte[] bytes, int from) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(bytes, from, bytes.length - from);
            return digest.digest();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
