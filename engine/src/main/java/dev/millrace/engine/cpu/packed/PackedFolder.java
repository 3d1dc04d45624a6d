package dev.millrace.engine.cpu.packed;

import dev.millrace.kernels.WorkerPool;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/**
 * The folder of packed weights. It is a cache: nothing that goes wrong with it keeps a model from
 * being loaded, what is unsound is deleted, and the files used longest ago make room for new ones.
 * Safe to use from several processes at once.
 */
public final class PackedFolder {

    static final String SUFFIX = ".packed";

    private static final Logger LOG = System.getLogger(PackedFolder.class.getName());
    private static final String UNFINISHED = ".part";
    /** Where no limit was given, this share of the disk's free space, with what is used already. */
    private static final int USUAL_SHARE_OF_FREE = 4;
    /** What is always left free. */
    private static final long SPARE_BYTES = 1L << 30;

    /** Less is packed in a tenth of a second. */
    private static final long USUAL_LEAST_BYTES = 64L << 20;

    private final Path folder;
    private final long limitBytes;
    private final long leastBytes;

    /**
     * @param folder     made when something is written
     * @param limitBytes most that all files together take; 0 for a quarter of what is free
     */
    public PackedFolder(Path folder, long limitBytes) {
        this(folder, limitBytes, USUAL_LEAST_BYTES);
    }

    /** @param leastBytes weights that take less are not kept */
    public PackedFolder(Path folder, long limitBytes, long leastBytes) {
        this.folder = folder;
        this.limitBytes = limitBytes;
        this.leastBytes = leastBytes;
    }

    /**
     * A file in the folder.
     *
     * @param model that it was made from
     */
    public record Stored(Path file, Path model, long bytes) {}

    /** The packed weights of a source, mapped and verified; empty if there are none. */
    public Optional<PackedFile> open(PackedSource source, WorkerPool pool) {
        Path file = folder.resolve(source.fileName());
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try {
            Optional<PackedFile> opened = Optional.ofNullable(
                    PackedFile.open(file, source, pool));
            if (opened.isPresent()) {
                Files.setLastModifiedTime(file, FileTime.from(Instant.now()));
            }
            return opened;
        } catch (PackedFileException e) {
            LOG.log(Level.WARNING, "packs " + source.file() + " again, " + file
                    + " being unsound: " + e.getMessage());
            delete(file);
            return Optional.empty();
        } catch (IOException e) {
            LOG.log(Level.DEBUG, "the use of " + file + " could not be noted", e);
            return Optional.empty();
        }
    }

    /**
     * Writes packed weights down, if there is room for them and nobody else is doing it.
     *
     * @param matrices by weight, in order
     * @param stop     asked every few milliseconds; what was written until then is deleted
     */
    public void write(PackedSource source, Map<PackedKey, MemorySegment> matrices,
            BooleanSupplier stop) {
        List<MemorySegment> contents = List.copyOf(matrices.values());
        if (contents.stream().mapToLong(MemorySegment::byteSize).sum() < leastBytes) {
            return;
        }
        PackedHeader header = PackedHeader.layOut(source, List.copyOf(matrices.keySet()),
                contents.stream().map(MemorySegment::byteSize).toList());
        Path file = folder.resolve(source.fileName());
        Path unfinished = folder.resolve(source.fileName() + "." + ProcessHandle.current().pid()
                + UNFINISHED);
        try {
            Files.createDirectories(folder);
            deleteAbandoned();
            if (!makeRoom(header.fileBytes(), file)) {
                LOG.log(Level.INFO, "the packed weights of " + source.file() + " take "
                        + header.fileBytes() + " bytes, more than is allowed or free in " + folder
                        + ": they are not kept");
                return;
            }
            writeWhole(unfinished, file, header, contents, stop);
        } catch (FileAlreadyExistsException e) {
            LOG.log(Level.DEBUG, "the same weights are being written by somebody else", e);
        } catch (IOException e) {
            LOG.log(Level.WARNING, "the packed weights of " + source.file()
                    + " cannot be kept in " + folder + ": " + e);
        }
    }

    /** Nobody sees a file before it is whole. */
    private static void writeWhole(Path unfinished, Path file, PackedHeader header,
            List<MemorySegment> contents, BooleanSupplier stop) throws IOException {
        boolean whole = false;
        try {
            whole = PackedFileWriter.write(unfinished, header, contents, stop);
            if (whole) {
                Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE,
                        StandardCopyOption.REPLACE_EXISTING);
            }
        } catch (FileAlreadyExistsException e) {
            whole = true; // it is somebody else's
            throw e;
        } finally {
            if (!whole) {
                Files.deleteIfExists(unfinished);
            }
        }
    }

    /** Deletes files until a new one fits, the least recently used first; false if it cannot. */
    private boolean makeRoom(long bytes, Path file) throws IOException {
        long freeBytes = Files.getFileStore(folder).getUsableSpace();
        List<Path> others = files(SUFFIX);
        others.remove(file);
        others.sort(Comparator.comparing(PackedFolder::lastUse));
        long usedBytes = 0;
        for (Path other : others) {
            usedBytes += size(other);
        }
        long replacedBytes = size(file);
        long mostBytes = Math.min(limit(freeBytes + usedBytes + replacedBytes),
                usedBytes + replacedBytes + freeBytes - SPARE_BYTES);
        if (bytes > mostBytes) {
            return false;
        }
        delete(file);
        for (Path other : others) {
            if (usedBytes + bytes <= mostBytes) {
                break;
            }
            usedBytes -= size(other);
            delete(other);
        }
        return true;
    }

    private long limit(long freeBytes) {
        return limitBytes > 0 ? limitBytes : freeBytes / USUAL_SHARE_OF_FREE;
    }

    /** What processes left that ended while they wrote. */
    private void deleteAbandoned() throws IOException {
        for (Path unfinished : files(UNFINISHED)) {
            String[] words = unfinished.getFileName().toString().split("\\.");
            String writer = words[words.length - 2];
            boolean alive = writer.matches("\\d{1,18}")
                    && ProcessHandle.of(Long.parseLong(writer)).isPresent();
            if (!alive) {
                delete(unfinished);
            }
        }
    }

    /** What is kept, by name; what is unsound is left out. */
    public List<Stored> list() {
        List<Stored> stored = new ArrayList<>();
        try {
            for (Path file : files(SUFFIX)) {
                PackedHeader header = PackedFile.header(file);
                stored.add(new Stored(file, header.source().file(), header.fileBytes()));
            }
        } catch (IOException | PackedFileException e) {
            LOG.log(Level.DEBUG, "not listed in " + folder, e);
        }
        return stored;
    }

    /**
     * Deletes what was made from a model.
     *
     * @param model a file, or the folder that it is in
     * @return bytes that this freed
     */
    public long remove(Path model) {
        Path path = model.toAbsolutePath().normalize();
        long bytes = 0;
        for (Stored stored : list()) {
            if (stored.model().normalize().startsWith(path)) {
                delete(stored.file());
                bytes += stored.bytes();
            }
        }
        return bytes;
    }

    private List<Path> files(String suffix) throws IOException {
        if (!Files.isDirectory(folder)) {
            return new ArrayList<>();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return new ArrayList<>(files.filter(file -> file.getFileName().toString()
                    .endsWith(suffix)).sorted().toList());
        }
    }

    private static FileTime lastUse(Path file) {
        try {
            return Files.getLastModifiedTime(file);
        } catch (IOException e) {
            return FileTime.fromMillis(0); // gone, so the first to go
        }
    }

    private static long size(Path file) {
        try {
            return Files.exists(file) ? Files.size(file) : 0;
        } catch (IOException e) {
            return 0; // gone
        }
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.log(Level.WARNING, file + " cannot be deleted: " + e);
        }
    }
}
