package dev.millrace.server.files;

import dev.millrace.server.openai.wire.ApiException;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;

/**
 * A body that must keep coming: a while to begin with, and then at least so many bytes a second, or
 * a few slow clients would keep all of the server's places.
 */
final class PacedInput extends InputStream {

    private static final long LEAST_BYTES_PER_SECOND = 32 << 10;

    private final InputStream input;
    private final long startNanos = System.nanoTime();
    private final Duration grace;
    private long bytes;

    PacedInput(InputStream input, Duration grace) {
        this.input = input;
        this.grace = grace;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
        int read = input.read(buffer, offset, length);
        bytes += Math.max(0, read);
        Duration allowed = grace.plusSeconds(bytes / LEAST_BYTES_PER_SECOND);
        if (System.nanoTime() - startNanos > allowed.toNanos()) {
            throw ApiException.refused(408, null, "request_timeout", "the file came too slowly: "
                    + bytes + " bytes in " + allowed.toSeconds() + " seconds; at least "
                    + LEAST_BYTES_PER_SECOND + " bytes a second must come");
        }
        return read;
    }
}
