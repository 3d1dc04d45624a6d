package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Downloads a file in as many tries as it takes: each goes on where the last one broke off, in this
 * process or an earlier one (range requests, RFC 9110 section 14).
 */
final class Downloader {

    /** Space that a download leaves to everybody else on the disk. */
    static final long SPARE_BYTES = 64L << 20;

    private static final int BUFFER_BYTES = 1 << 18;
    private static final Duration REPORT_INTERVAL = Duration.ofMillis(100);
    private static final Pattern CONTENT_RANGE = Pattern.compile(
            "bytes (?:(\\d{1,18})-\\d{1,18}|\\*)/(\\d{1,18})");

    private final HttpFetcher fetcher;
    private final Duration stallPatience;
    private final Retries retries;
    private final long leastRanged;

    /**
     * @param stallPatience how long a connection may deliver nothing
     * @param leastRanged   files of so many bytes come over several connections
     */
    Downloader(HttpFetcher fetcher, Duration stallPatience, Retries retries, long leastRanged) {
        this.leastRanged = leastRanged;
        this.fetcher = fetcher;
        this.stallPatience = stallPatience;
        this.retries = retries;
    }

    /**
     * Asks a server for one byte of a file to learn the size of all.
     *
     * @return -1 if it does not say
     * @throws ModelException if the server refuses the file for good
     */
    long measure(RemoteFile file) throws InterruptedException {
        try {
            HttpResponse<InputStream> response = fetcher.open(file,
                    Map.of("Accept-Encoding", "identity", "Range", "bytes=0-0"));
            response.body().close();
            Matcher range = CONTENT_RANGE.matcher(
                    response.headers().firstValue("Content-Range").orElse(""));
            return response.statusCode() == 206
                    ? range.matches() ? Long.parseLong(range.group(2)) : -1
                    : response.headers().firstValueAsLong("Content-Length").orElse(-1);
        } catch (IOException e) {
            return -1; // the download itself tries again, and says why if it fails
        }
    }

    /** As below, for a file whose size is known. */
    void download(RemoteFile file, Path target, PullListener listener)
            throws IOException, InterruptedException {
        download(file, file.bytes(), target, listener);
    }

    /**
     * Brings the file to {@code target}, whole and with the right hash, or not at all. What has
     * arrived so far lies beside it as {@code .part} and is used by the next call.
     *
     * @param likelyBytes the size that the file has by now, which is no promise; -1 if unknown
     */
    void download(RemoteFile file, long likelyBytes, Path target, PullListener listener)
            throws IOException, InterruptedException {
        if (Files.exists(target)) {
            return; // an earlier pull got this far; it was checked before it got its name
        }
        Path part = partFile(target);
        Optional<RangeJournal> left = RangeJournal.read(part);
        long bytes = file.bytes() < 0 && left.isPresent() ? left.get().bytes() : likelyBytes;
        boolean ranged = bytes >= leastRanged
                && (!Files.exists(part) || Files.exists(RangeJournal.file(part)));
        if (!ranged && Files.exists(RangeJournal.file(part))) {
            RangedDownload.discard(part); // its gaps would count as content
        }
        if (!ranged || !downloadInPieces(file.ofSize(bytes), part, listener)) {
            downloadInOrder(file, part, listener);
        }
        finish(file, part);
        Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
        Files.deleteIfExists(validatorFile(part));
        Files.deleteIfExists(RangeJournal.file(part));
    }

    private boolean downloadInPieces(RemoteFile file, Path part, PullListener listener)
            throws IOException, InterruptedException {
        requireSpace(part, file.bytes()
                - RangeJournal.read(part).map(RangeJournal::doneBytes).orElse(0L));
        return new RangedDownload(fetcher, stallPatience, retries, file, part,
                leastRanged / RangedDownload.CONNECTIONS).run(listener);
    }

    private void downloadInOrder(RemoteFile file, Path part, PullListener listener)
            throws IOException, InterruptedException {
        int fruitless = 0;
        while (true) {
            long before = size(part);
            try {
                transfer(file, part, listener);
                break;
            } catch (IOException e) {
                fruitless = size(part) > before ? 1 : fruitless + 1;
                listener.notice(file.label() + " broke off (" + HttpFetcher.reason(e) + ")");
                retries.pauseAfter(fruitless, file.uri(), e);
            }
        }
    }

    private void transfer(RemoteFile file, Path part, PullListener listener)
            throws IOException, InterruptedException {
        long have = size(part);
        Map<String, String> headers = new HashMap<>(Map.of("Accept-Encoding", "identity"));
        Optional<String> validator = validator(part);
        if (have > 0 && validator.isEmpty() && file.digest().isEmpty()) {
            Files.delete(part); // nothing would notice if the rest were of another version
            have = 0;
        }
        if (have > 0) {
            headers.put("Range", "bytes=" + have + "-");
            validator.ifPresent(value -> headers.put("If-Range", value));
        }
        HttpResponse<InputStream> response = fetcher.open(file, headers);
        try (InputStream body = response.body()) {
            Matcher range = CONTENT_RANGE.matcher(
                    response.headers().firstValue("Content-Range").orElse(""));
            if (response.statusCode() == 416) {
                finishUnsatisfiable(part, have, range);
            } else if (response.statusCode() == 206) {
                if (!range.matches() || range.group(1) == null
                        || Long.parseLong(range.group(1)) != have) {
                    Files.delete(part);
                    throw new IOException("the server sent another range than the one asked for");
                }
                listener.notice(file.label() + ": resuming after " + ByteCounts.text(have));
                long total = Long.parseLong(range.group(2));
                requireSize(file, part, total);
                receive(file, part, have, total, body, listener);
            } else {
                rememberValidator(part, response);
                OptionalLong length = response.headers().firstValueAsLong("Content-Length");
                requireSize(file, part, length.orElse(-1));
                receive(file, part, 0, length.orElse(file.bytes()), body, listener);
            }
        }
    }

    /** Asked for what lies behind the end: either everything is here, or the file has changed. */
    private static void finishUnsatisfiable(Path part, long have, Matcher range)
            throws IOException {
        if (!range.matches() || Long.parseLong(range.group(2)) != have) {
            Files.deleteIfExists(part);
            throw new IOException("the file has changed on the server");
        }
    }

    /** Stops before a file of the wrong size arrives. */
    private static void requireSize(RemoteFile file, Path part, long bytes) throws IOException {
        if (file.bytes() >= 0 && bytes >= 0 && file.bytes() != bytes) {
            Files.deleteIfExists(part);
            throw new ModelException(file.label() + " has " + bytes + " bytes at "
                    + file.uri().getHost() + ", but should have " + file.bytes()
                    + "; it has changed, so run the same command again");
        }
    }

    private void receive(RemoteFile file, Path part, long offset, long totalBytes,
            InputStream body, PullListener listener) throws IOException {
        requireSpace(part, totalBytes < 0 ? 0 : totalBytes - offset);
        byte[] buffer = new byte[BUFFER_BYTES];
        long bytes = offset;
        long start = System.nanoTime();
        long lastReport = start;
        try (FileChannel out = FileChannel.open(part, StandardOpenOption.CREATE,
                StandardOpenOption.WRITE);
                StallGuard guard = new StallGuard(body, stallPatience)) {
            out.truncate(offset).position(offset);
            for (int count = read(body, buffer, guard); count >= 0; count = read(body, buffer,
                    guard)) {
                write(out, ByteBuffer.wrap(buffer, 0, count), part);
                bytes += count;
                guard.progress();
                long now = System.nanoTime();
                if (now - lastReport >= REPORT_INTERVAL.toNanos() || bytes == totalBytes) {
                    listener.progress(new PullProgress(file.label(), bytes, totalBytes,
                            (bytes - offset) * 1e9 / (now - start)));
                    lastReport = now;
                }
            }
        }
        if (totalBytes >= 0 && bytes != totalBytes) {
            throw new IOException("got " + bytes + " of " + totalBytes + " bytes");
        }
    }

    static int read(InputStream body, byte[] buffer, StallGuard guard) throws IOException {
        try {
            return body.read(buffer);
        } catch (IOException e) {
            throw guard.stalled() ? new IOException("nothing arrived for too long", e) : e;
        }
    }

    private static void write(FileChannel out, ByteBuffer bytes, Path part) {
        try {
            while (bytes.hasRemaining()) {
                out.write(bytes);
            }
        } catch (IOException e) {
            throw cannotWrite(part, e);
        }
    }

    static ModelException cannotWrite(Path part, IOException e) {
        return new ModelException("cannot write " + part + ": " + e.getMessage()
                + "; free some space, or set MILLRACE_HOME to a folder on another disk, and run"
                + " the same command again", e);
    }

    /** Refuses early what would fill the disk. */
    static void requireSpace(Path file, long bytes) throws IOException {
        long usable = Files.getFileStore(file.toAbsolutePath().getParent()).getUsableSpace();
        if (usable - SPARE_BYTES < bytes) {
            throw new ModelException("the disk of " + file.toAbsolutePath().getParent() + " has "
                    + ByteCounts.text(usable) + " left, but " + ByteCounts.text(bytes)
                    + " are needed; free some space, or set MILLRACE_HOME to a folder on another"
                    + " disk");
        }
    }

    /** Sees that everything is on the disk and is what it should be. */
    static void finish(RemoteFile file, Path part) throws IOException {
        try (FileChannel channel = FileChannel.open(part, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
        if (file.digest().isEmpty()) {
            return;
        }
        ContentDigest expected = file.digest().get();
        String actual = expected.compute(part);
        if (!actual.equals(expected.hex())) {
            RangedDownload.discard(part);
            Files.deleteIfExists(validatorFile(part));
            throw new ModelException(file.label() + " is not what it should be: "
                    + expected.algorithm() + " expected " + expected.hex() + ", got " + actual
                    + "; the download was deleted, run the same command again, and if that does"
                    + " not help, do not trust " + file.uri().getHost());
        }
    }

    /** Bytes of a file that are here already, complete or not. */
    static long present(Path target) throws IOException {
        Path part = partFile(target);
        Optional<RangeJournal> journal = RangeJournal.read(part);
        return Files.exists(target)
                ? Files.size(target)
                : journal.isPresent() ? journal.get().doneBytes() : size(part);
    }

    private static Path partFile(Path target) {
        return target.resolveSibling(target.getFileName() + ".part");
    }

    private static long size(Path part) throws IOException {
        return Files.exists(part) ? Files.size(part) : 0;
    }

    private static Path validatorFile(Path part) {
        return part.resolveSibling(part.getFileName() + ".validator");
    }

    private static Optional<String> validator(Path part) throws IOException {
        Path file = validatorFile(part);
        return Files.exists(file) ? Optional.of(Files.readString(file)) : Optional.empty();
    }

    /** If-Range takes a strong entity tag or a date; a weak tag proves nothing about bytes. */
    private static void rememberValidator(Path part, HttpResponse<?> response) throws IOException {
        Optional<String> strong = response.headers().firstValue("ETag")
                .filter(tag -> tag.startsWith("\""))
                .or(() -> response.headers().firstValue("Last-Modified"));
        if (strong.isPresent()) {
            Files.writeString(validatorFile(part), strong.get());
        } else {
            Files.deleteIfExists(validatorFile(part));
        }
    }
}
