package dev.millrace.server.batches;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Reads a file line by line, never holding more than one of them. */
final class JsonLines implements AutoCloseable {

    private static final int BUFFER_BYTES = 64 << 10;
    private static final String BYTE_ORDER_MARK = "\uFEFF";

    private final InputStream input;
    private final int mostBytes;
    private long number;

    /** @param mostBytes of a line; the rest of a longer one is passed over */
    JsonLines(InputStream input, int mostBytes) {
        this.input = new BufferedInputStream(input, BUFFER_BYTES);
        this.mostBytes = mostBytes;
    }

    /**
     * A line.
     *
     * @param number  from 1
     * @param text    null if it cannot be read
     * @param problem why not
     */
    record Line(long number, String text, String problem) {}

    /** The next line that is not blank; null at the end. */
    Line next() throws IOException {
        while (true) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            int read = input.read();
            if (read < 0) {
                return null;
            }
            number++;
            boolean tooLong = false;
            for (; read >= 0 && read != '\n'; read = input.read()) {
                tooLong |= bytes.size() >= mostBytes;
                if (!tooLong) {
                    bytes.write(read);
                }
            }
            Line line = tooLong
                    ? new Line(number, null, "the line is longer than " + mostBytes + " bytes")
                    : decode(bytes.toByteArray());
            if (line.text() == null || !line.text().isBlank()) {
                return line;
            }
        }
    }

    private Line decode(byte[] bytes) {
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes))
                    .toString();
            return new Line(number, number == 1 && text.startsWith(BYTE_ORDER_MARK)
                    ? text.substring(1)
                    : text, null);
        } catch (CharacterCodingException e) {
            return new Line(number, null, "the line is not valid UTF-8");
        }
    }

    @Override
    public void close() throws IOException {
        input.close();
    }
}
