package dev.millrace.models.store;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Downloads one large file in pieces over several connections at once, each piece going on where it
 * broke off, in this process or an earlier one. That all pieces are of one version is told by the
 * file's hash in the end; where none is known, by a strong entity tag that every piece must have.
 */
final class RangedDownload {

    /** Connections at once. */
    static final int CONNECTIONS = 4;

    private static final int BUFFER_BYTES = 1 << 18;
    private static final int MAX_PIECES = 128;
    private static final Duration REPORT_INTERVAL = Duration.ofMillis(100);
    private static final Duration SAVE_INTERVAL = Duration.ofSeconds(1);

    private final HttpFetcher fetcher;
    private final Duration stallPatience;
    private final Retries retries;
    private final RemoteFile file;
    private final Path part;
    private final RangeJournal journal;
    private final AtomicInteger nextPiece = new AtomicInteger();
    private final Queue<String> notices = new ConcurrentLinkedQueue<>();

    /** The server has no ranges, or pieces of more than one version. */
    private static final class RangesRefused extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /** @param leastPieceBytes smallest piece worth a request of its own */
    RangedDownload(HttpFetcher fetcher, Duration stallPatience, Retries retries, RemoteFile file,
            Path part, long leastPieceBytes) throws IOException {
        this.fetcher = fetcher;
        this.stallPatience = stallPatience;
        this.retries = retries;
        this.file = file;
        this.part = part;
        long pieceBytes = Math.max(leastPieceBytes, (file.bytes() + MAX_PIECES - 1) / MAX_PIECES);
        Optional<RangeJournal> left = RangeJournal.read(part)
                .filter(journal -> journal.bytes() == file.bytes());
        if (left.isEmpty()) {
            discard(part);
        }
        this.journal = left.orElseGet(() -> new RangeJournal(file.bytes(), pieceBytes));
    }

    /**
     * Brings what is missing.
     *
     * @return false if it cannot be had in pieces; nothing of it is left then
     */
    boolean run(PullListener listener) throws IOException, InterruptedException {
        if (journal.doneBytes() > 0) {
            listener.notice(file.label() + ": resuming after "
                    + ByteCounts.text(journal.doneBytes()));
        }
        journal.write(part);
        ExecutorService workers = Executors.newVirtualThreadPerTaskExecutor();
        try (FileChannel out = FileChannel.open(part, StandardOpenOption.CREATE,
                StandardOpenOption.WRITE)) {
            List<Future<Void>> running = new ArrayList<>();
            for (int i = 0; i < Math.min(CONNECTIONS, journal.pieces()); i++) {
                running.add(workers.submit(() -> work(out)));
            }
            watch(running, out, listener);
        } catch (RangesRefused e) {
            workers.shutdownNow();
            workers.close();
            discard(part);
            return false;
        } finally {
            workers.shutdownNow();
            workers.close();
            if (Files.exists(part)) {
                journal.write(part);
            }
        }
        return true;
    }

    /** Removes what has arrived and what is known about it. */
    static void discard(Path part) throws IOException {
        Files.deleteIfExists(part);
        Files.deleteIfExists(RangeJournal.file(part));
    }

    /** Tells the listener, on the pulling thread, until all is here or something fails for good. */
    private void watch(List<Future<Void>> running, FileChannel out, PullListener listener)
            throws IOException, InterruptedException {
        long start = System.nanoTime();
        long before = journal.doneBytes();
        long lastSave = start;
        boolean finished = false;
        while (!finished) {
            finished = running.stream().allMatch(Future::isDone);
            boolean failed = running.stream().anyMatch(
                    worker -> worker.state() == Future.State.FAILED);
            for (String notice = notices.poll(); notice != null; notice = notices.poll()) {
                listener.notice(notice);
            }
            long now = System.nanoTime();
            long bytes = journal.doneBytes();
            listener.progress(new PullProgress(file.label(), bytes, file.bytes(),
                    (bytes - before) * 1e9 / Math.max(1, now - start)));
            if (now - lastSave >= SAVE_INTERVAL.toNanos()) {
                save(out);
                lastSave = now;
            }
            if (failed) {
                break;
            }
            if (!finished) {
                Thread.sleep(REPORT_INTERVAL);
            }
        }
        for (Future<Void> worker : running) {
            if (finished || worker.state() == Future.State.FAILED) {
                outcome(worker);
            }
        }
    }

    /** What the journal claims is on the disk before the journal is, whatever fails next. */
    private void save(FileChannel out) throws IOException {
        RangeJournal claim = journal.copy();
        out.force(false);
        claim.write(part);
    }

    private static void outcome(Future<Void> worker) throws IOException, InterruptedException {
        try {
            worker.get();
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException cause -> throw cause;
                case IOException cause -> throw cause;
                default -> throw new IllegalStateException(e.getCause());
            }
        }
    }

    private Void work(FileChannel out) throws InterruptedException {
        for (int piece = nextPiece.getAndIncrement(); piece < journal.pieces(); piece = nextPiece
                .getAndIncrement()) {
            int fruitless = 0;
            while (journal.done(piece) < journal.length(piece)) {
                long before = journal.done(piece);
                try {
                    transfer(piece, out);
                } catch (IOException e) {
                    fruitless = journal.done(piece) > before ? 1 : fruitless + 1;
                    notices.add(file.label() + " broke off (" + HttpFetcher.reason(e) + ")");
                    retries.pauseAfter(fruitless, file.uri(), e);
                }
            }
        }
        return null;
    }

    private void transfer(int piece, FileChannel out) throws IOException, InterruptedException {
        long from = journal.start(piece) + journal.done(piece);
        long to = journal.start(piece) + journal.length(piece) - 1;
        Map<String, String> headers = new HashMap<>(Map.of("Accept-Encoding", "identity", "Range",
                "bytes=" + from + "-" + to));
        if (!journal.validator().isEmpty()) {
            headers.put("If-Range", journal.validator());
        }
        HttpResponse<InputStream> response = fetcher.open(file, headers);
        try (InputStream body = response.body()) {
            String tag = response.headers().firstValue("ETag").orElse("");
            String range = response.headers().firstValue("Content-Range").orElse("");
            boolean sameVersion = journal.accepts(tag)
                    && (file.digest().isPresent() || !journal.validator().isEmpty())
                    && range.endsWith("/" + file.bytes());
            if (response.statusCode() != 206 || !sameVersion) {
                throw new RangesRefused();
            }
            String expected = "bytes " + from + "-" + to + "/" + file.bytes();
            if (!range.equals(expected)) {
                throw new IOException("the server sent another range than the one asked for");
            }
            receive(piece, from, to + 1, body, out);
        }
    }

    private void receive(int piece, long from, long end, InputStream body, FileChannel out)
            throws IOException {
        byte[] buffer = new byte[BUFFER_BYTES];
        long position = from;
        try (StallGuard guard = new StallGuard(body, stallPatience)) {
            while (position < end) {
                int count = Downloader.read(body, buffer, guard);
                if (count < 0) {
                    throw new IOException("got " + (position - from) + " of " + (end - from)
                            + " bytes");
                }
                int wanted = (int) Math.min(count, end - position);
                write(out, ByteBuffer.wrap(buffer, 0, wanted), position);
                position += wanted;
                journal.add(piece, wanted);
                guard.progress();
            }
        }
    }

    private void write(FileChannel out, ByteBuffer bytes, long position) {
        try {
            long at = position;
            while (bytes.hasRemaining()) {
                at += out.write(bytes, at);
            }
        } catch (IOException e) {
            throw Downloader.cannotWrite(part, e);
        }
    }
}
