package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;

/** Makes pulls of the same model take turns, across processes and within one. */
final class StoreLock implements AutoCloseable {

    private static final Duration MAX_WAIT = Duration.ofHours(6);
    private static final Duration POLL = Duration.ofMillis(200);

    private final FileChannel channel;
    private final FileLock lock;

    private StoreLock(FileChannel channel, FileLock lock) {
        this.channel = channel;
        this.lock = lock;
    }

    /** Waits for its turn and tells the listener when it has to. */
    static StoreLock acquire(Path file, String model, PullListener listener)
            throws IOException, InterruptedException {
        Files.createDirectories(file.getParent());
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE,
                StandardOpenOption.WRITE);
        try {
            long deadline = System.nanoTime() + MAX_WAIT.toNanos();
            boolean told = false;
            while (System.nanoTime() < deadline) {
                FileLock lock = tryLock(channel);
                if (lock != null) {
                    return new StoreLock(channel, lock);
                }
                if (!told) {
                    listener.notice("another process is pulling " + model + "; waiting for it");
                    told = true;
                }
                Thread.sleep(POLL);
            }
        } catch (IOException | InterruptedException e) {
            channel.close();
            throw e;
        }
        channel.close();
        throw new ModelException("another process has been pulling " + model + " for "
                + MAX_WAIT.toHours() + " hours; stop it and try again");
    }

    private static FileLock tryLock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock();
        } catch (OverlappingFileLockException e) {
            return null; // another thread of this process has it
        }
    }

    /** The empty lock file stays: deleting it would let two holders in. */
    @Override
    public void close() throws IOException {
        lock.release();
        channel.close();
    }
}
