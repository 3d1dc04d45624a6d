package dev.millrace.models.gguf;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/** Walks the header of a file from front to back; every read is checked and can name itself. */
final class GgufCursor {

    /** Longest excerpt of the file's own text in an error message, in characters. */
    private static final int MAX_QUOTED_CHARACTERS = 80;

    private final MemorySegment file;
    private final String source;
    private long position;

    /** @param source what to call the file in messages */
    GgufCursor(MemorySegment file, String source) {
        this.file = file;
        this.source = source;
    }

    long position() {
        return position;
    }

    long remaining() {
        return file.byteSize() - position;
    }

    GgufException refuse(String reason) {
        return new GgufException(source + " is not a usable GGUF file: " + reason);
    }

    byte readByte(String what) {
        return file.get(LittleEndian.BYTE, advance(1, what));
    }

    short readShort(String what) {
        return file.get(LittleEndian.SHORT, advance(2, what));
    }

    int readInt(String what) {
        return file.get(LittleEndian.INT, advance(4, what));
    }

    long readLong(String what) {
        return file.get(LittleEndian.LONG, advance(8, what));
    }

    boolean readBoolean(String what) {
        byte value = readByte(what);
        if (value != 0 && value != 1) {
            throw refuse(what + " is a boolean of value " + (value & 0xff)
                    + "; only 0 and 1 are allowed");
        }
        return value == 1;
    }

    /** Reads a string of at most {@code maxBytes}; malformed UTF-8 becomes U+FFFD. */
    String readString(long maxBytes, String what) {
        return new String(readStringBytes(maxBytes, what).toArray(LittleEndian.BYTE),
                StandardCharsets.UTF_8);
    }

    /** Reads a string that messages may show as it is: not empty, no control characters. */
    String readName(long maxBytes, String what) {
        String name = readString(maxBytes, what);
        if (name.isEmpty()) {
            throw refuse(what + " is empty");
        }
        if (name.chars().anyMatch(Character::isISOControl)) {
            throw refuse(what + " contains control characters: " + quote(name));
        }
        return name;
    }

    /** The bytes of a string, still in the file. */
    MemorySegment readStringBytes(long maxBytes, String what) {
        long length = readLong("the length of " + what);
        if (length < 0 || length > maxBytes) {
            throw refuse(what + " is declared " + Long.toUnsignedString(length)
                    + " bytes long; at most " + maxBytes + " are allowed");
        }
        return take(length, what);
    }

    /** The next {@code bytes} bytes, still in the file. */
    MemorySegment take(long bytes, String what) {
        return file.asSlice(advance(bytes, what), bytes);
    }

    /** Everything from here to the end of the file. */
    MemorySegment rest() {
        return file.asSlice(position);
    }

    /**
     * Reads how many items follow, each at least {@code leastBytes} long.
     *
     * @param limit the most that are allowed even where the file is large enough
     */
    int readCount(int leastBytes, int limit, String what) {
        long count = readLong("the number of " + what);
        if (count < 0 || count > remaining() / leastBytes) {
            throw refuse("it declares " + Long.toUnsignedString(count) + " " + what + ", but the "
                    + remaining() + " bytes that follow hold at most "
                    + remaining() / leastBytes);
        }
        if (count > limit) {
            throw refuse("it declares " + count + " " + what + "; at most " + limit
                    + " are allowed");
        }
        return (int) count;
    }

    private long advance(long bytes, String what) {
        if (bytes > remaining()) {
            throw refuse("it ends inside " + what + " (" + bytes + " bytes are needed at byte "
                    + position + " of " + file.byteSize()
                    + "); the file is truncated or damaged, so download it again");
        }
        long start = position;
        position += bytes;
        return start;
    }

    /** The file's own text, made harmless for a terminal and short enough for a message. */
    static String quote(String text) {
        int shown = Math.min(text.length(), MAX_QUOTED_CHARACTERS);
        StringBuilder quoted = new StringBuilder(shown + 8).append('"');
        for (int i = 0; i < shown; i++) {
            char c = text.charAt(i);
            quoted.append(Character.isISOControl(c) ? '?' : c);
        }
        return quoted.append(shown < text.length() ? "...\"" : "\"").toString();
    }
}
