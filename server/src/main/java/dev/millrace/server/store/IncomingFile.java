package dev.millrace.server.store;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.HexFormat;

/** A file on its way to the disk. Unless it is kept, nothing of it stays. One thread's own. */
public final class IncomingFile implements AutoCloseable {

    private final String id;
    private final String tenant;
    private final Path path;
    private final long mostBytes;
    private final FileLimitException beyond;
    private final OutputStream output;
    private final MessageDigest digest = Sha256.digest();
    private long bytes;
    private boolean kept;

    /** @param beyond what more than {@code mostBytes} means */
    IncomingFile(String id, String tenant, Path path, long mostBytes, FileLimitException beyond)
            throws IOException {
        this.id = id;
        this.tenant = tenant;
        this.path = path;
        this.mostBytes = mostBytes;
        this.beyond = beyond;
        this.output = Files.newOutputStream(path, StandardOpenOption.CREATE_NEW);
    }

    /** Adds bytes. @throws FileLimitException if they are too many by now */
    public void write(byte[] buffer, int offset, int length)
            throws IOException, FileLimitException {
        if (bytes + length > mostBytes) {
            throw beyond;
        }
        output.write(buffer, offset, length);
        digest.update(buffer, offset, length);
        bytes += length;
    }

    String id() {
        return id;
    }

    String tenant() {
        return tenant;
    }

    long bytes() {
        return bytes;
    }

    /** Ends the file. @return its SHA-256 in hexadecimal digits, once all of it is on the disk */
    String finish() throws IOException {
        output.close();
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    void kept() {
        kept = true;
    }

    @Override
    public void close() throws IOException {
        output.close();
        if (!kept) {
            Files.deleteIfExists(path);
        }
    }
}
