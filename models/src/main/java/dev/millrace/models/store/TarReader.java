package dev.millrace.models.store;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Reads the regular files of a tar stream, one after the other (POSIX.1-2001 ustar and pax, GNU
 * long names). Nothing is unpacked by name, so a hostile path can do no harm.
 */
final class TarReader {

    private static final int RECORD_BYTES = 512;
    private static final int MAX_HEADER_TEXT_BYTES = 1 << 20;
    private static final int MAX_MEMBERS = 1_000_000;
    private static final int COPY_BYTES = 1 << 18;

    private final InputStream in;
    private final byte[] header = new byte[RECORD_BYTES];
    private long unreadBytes;
    private long paddingBytes;
    private int members;

    /** @param in the uncompressed archive; the caller closes it */
    TarReader(InputStream in) {
        this.in = in;
    }

    /** A regular file: its path as the archive has it, and its size. */
    record Member(String path, long bytes) {}

    /**
     * Skips what is left of the current file and moves to the next.
     *
     * @return null at the end of the archive
     * @throws IOException if the archive is damaged
     */
    Member next() throws IOException {
        String longPath = null;
        long longSize = -1;
        while (readHeader()) {
            char type = (char) header[156];
            if (type == 'L') {
                byte[] name = readText(number(124, 12));
                longPath = text(name, 0, name.length);
            } else if (type == 'x') {
                byte[] pax = readText(number(124, 12));
                String path = paxValue(pax, "path");
                String size = paxValue(pax, "size");
                longPath = path == null ? longPath : path;
                longSize = size == null ? longSize : parseSize(size, 10);
            } else {
                long bytes = longSize >= 0 ? longSize : number(124, 12);
                begin(bytes);
                if (type == '0' || type == 0) {
                    return new Member(longPath == null ? path() : longPath, bytes);
                }
                longPath = null;
                longSize = -1;
            }
        }
        return null;
    }

    /** Copies the current file. */
    void copyTo(OutputStream out) throws IOException {
        byte[] buffer = new byte[COPY_BYTES];
        while (unreadBytes > 0) {
            int count = in.read(buffer, 0, (int) Math.min(buffer.length, unreadBytes));
            if (count < 0) {
                throw new EOFException("the archive ends " + unreadBytes
                        + " bytes before the end of a file");
            }
            unreadBytes -= count;
            out.write(buffer, 0, count);
        }
    }

    private void begin(long bytes) {
        unreadBytes = bytes;
        paddingBytes = -bytes & (RECORD_BYTES - 1);
    }

    private boolean readHeader() throws IOException {
        in.skipNBytes(unreadBytes + paddingBytes);
        begin(0);
        int count = in.readNBytes(header, 0, RECORD_BYTES);
        if (count == 0 || count == RECORD_BYTES && allZero()) {
            return false;
        }
        if (count < RECORD_BYTES) {
            throw new EOFException("the archive ends inside a header");
        }
        if (++members > MAX_MEMBERS) {
            throw new IOException("the archive has more than " + MAX_MEMBERS + " members");
        }
        if (number(148, 8) != checksum()) {
            throw new IOException("a header of the archive has a wrong checksum");
        }
        return true;
    }

    private boolean allZero() {
        for (byte value : header) {
            if (value != 0) {
                return false;
            }
        }
        return true;
    }

    /** The sum of the header's bytes, its own field read as blanks. */
    private long checksum() {
        long sum = 0;
        for (int i = 0; i < RECORD_BYTES; i++) {
            sum += i >= 148 && i < 156 ? ' ' : header[i] & 0xff;
        }
        return sum;
    }

    private String path() {
        String name = text(header, 0, 100);
        boolean ustar = text(header, 257, 5).equals("ustar");
        String prefix = ustar ? text(header, 345, 155) : "";
        return prefix.isEmpty() ? name : prefix + "/" + name;
    }

    /** An octal field, or a binary one where its first bit is set (GNU, files from 8 GiB). */
    private long number(int offset, int length) throws IOException {
        if ((header[offset] & 0x80) != 0) {
            long value = header[offset] & 0x7f;
            for (int i = 1; i < length; i++) {
                if (value >>> 55 != 0) {
                    throw new IOException("a number in the archive is too large");
                }
                value = value << 8 | header[offset + i] & 0xff;
            }
            return value;
        }
        String digits = text(header, offset, length).strip();
        return digits.isEmpty() ? 0 : parseSize(digits, 8);
    }

    private static long parseSize(String digits, int radix) throws IOException {
        try {
            // Without its sign no size is negative, so that nothing downstream need ask.
            return Long.parseLong(digits.startsWith("-") ? "" : digits, radix);
        } catch (NumberFormatException e) {
            throw new IOException("\"" + digits + "\" in the archive is not a size", e);
        }
    }

    private byte[] readText(long bytes) throws IOException {
        if (bytes > MAX_HEADER_TEXT_BYTES) {
            throw new IOException("a name in the archive takes " + bytes + " bytes, at most "
                    + MAX_HEADER_TEXT_BYTES + " are allowed");
        }
        begin(0);
        paddingBytes = -bytes & (RECORD_BYTES - 1);
        byte[] content = in.readNBytes((int) bytes);
        if (content.length < bytes) {
            throw new EOFException("the archive ends inside a name");
        }
        return content;
    }

    /** One value of a pax header: lines of {@code LENGTH KEY=VALUE}. */
    private static String paxValue(byte[] pax, String key) throws IOException {
        int start = 0;
        while (start < pax.length) {
            int blank = start;
            while (blank < pax.length && pax[blank] != ' ') {
                blank++;
            }
            long length = parseSize(text(pax, start, blank - start), 10);
            if (length <= blank - start || length > pax.length - start) {
                throw new IOException("an extended header of the archive is damaged");
            }
            String line = text(pax, blank + 1, start + (int) length - 1 - (blank + 1));
            if (line.startsWith(key + "=")) {
                return line.substring(key.length() + 1);
            }
            start += (int) length;
        }
        return null;
    }

    /** The text of a field up to its first zero byte. */
    private static String text(byte[] bytes, int offset, int length) {
        int end = offset;
        while (end < offset + length && bytes[end] != 0) {
            end++;
        }
        return new String(bytes, offset, end - offset, StandardCharsets.UTF_8);
    }
}
