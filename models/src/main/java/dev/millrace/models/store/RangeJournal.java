package dev.millrace.models.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.stream.Collectors;

/**
 * How much of each piece of a file is on the disk, kept beside the file so that the next process
 * knows. A line with the sizes, one with the entity tag, one with the bytes that each piece has.
 */
final class RangeJournal {

    private static final int MAX_PIECES = 4096;

    private final long bytes;
    private final long pieceBytes;
    private final AtomicLongArray done;
    private volatile String validator = "";

    RangeJournal(long bytes, long pieceBytes) {
        this.bytes = bytes;
        this.pieceBytes = pieceBytes;
        this.done = new AtomicLongArray(Math.toIntExact((bytes + pieceBytes - 1) / pieceBytes));
    }

    static Path file(Path part) {
        return part.resolveSibling(part.getFileName() + ".ranges");
    }

    /** What an earlier process left; empty if there is nothing that can be used. */
    static Optional<RangeJournal> read(Path part) throws IOException {
        if (!Files.exists(file(part)) || !Files.exists(part)) {
            return Optional.empty();
        }
        List<String> lines = Files.readAllLines(file(part));
        try {
            String[] sizes = lines.get(0).split(" ");
            long bytes = Long.parseLong(sizes[0]);
            long pieceBytes = Long.parseLong(sizes[1]);
            long[] done = Arrays.stream(lines.get(2).split(" ")).mapToLong(Long::parseLong)
                    .toArray();
            if (bytes < 1 || pieceBytes < 1 || done.length > MAX_PIECES
                    || done.length != (bytes + pieceBytes - 1) / pieceBytes) {
                return Optional.empty();
            }
            RangeJournal journal = new RangeJournal(bytes, pieceBytes);
            journal.validator = lines.get(1);
            for (int i = 0; i < done.length; i++) {
                if (done[i] < 0 || done[i] > journal.length(i)) {
                    return Optional.empty();
                }
                journal.done.set(i, done[i]);
            }
            return Optional.of(journal);
        } catch (IndexOutOfBoundsException | NumberFormatException e) {
            return Optional.empty(); // cut off by a full disk: what is there counts for nothing
        }
    }

    /** Written beside and renamed: a reader never sees half of it. */
    void write(Path part) throws IOException {
        String pieces = Arrays.stream(snapshot()).mapToObj(Long::toString)
                .collect(Collectors.joining(" "));
        Path written = part.resolveSibling(part.getFileName() + ".ranges.new");
        Files.writeString(written, bytes + " " + pieceBytes + "\n" + validator + "\n" + pieces
                + "\n");
        Files.move(written, file(part), StandardCopyOption.ATOMIC_MOVE);
    }

    /** The state of now, which does not change any more. */
    RangeJournal copy() {
        RangeJournal copy = new RangeJournal(bytes, pieceBytes);
        long[] pieces = snapshot();
        for (int i = 0; i < pieces.length; i++) {
            copy.done.set(i, pieces[i]);
        }
        copy.validator = validator;
        return copy;
    }

    private long[] snapshot() {
        long[] copy = new long[done.length()];
        Arrays.setAll(copy, done::get);
        return copy;
    }

    /** Of the whole file. */
    long bytes() {
        return bytes;
    }

    int pieces() {
        return done.length();
    }

    /** First byte of a piece. */
    long start(int piece) {
        return piece * pieceBytes;
    }

    long length(int piece) {
        return Math.min(pieceBytes, bytes - start(piece));
    }

    /** Bytes of a piece that are on the disk. */
    long done(int piece) {
        return done.get(piece);
    }

    void add(int piece, int count) {
        done.addAndGet(piece, count);
    }

    long doneBytes() {
        return Arrays.stream(snapshot()).sum();
    }

    /** The strong entity tag of the version that the pieces are of; empty if there is none. */
    String validator() {
        return validator;
    }

    /** Whether a tag is of the version at hand, which the first one decides. */
    synchronized boolean accepts(String tag) {
        if (validator.isEmpty() && tag.startsWith("\"") && !tag.contains("\n")) {
            validator = tag;
        }
        return validator.isEmpty() || validator.equals(tag);
    }
}
