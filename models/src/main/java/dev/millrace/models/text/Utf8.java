package dev.millrace.models.text;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Well-formed UTF-8: made from UTF-16, and read one character at a time. */
public final class Utf8 {

    private static final byte[] REPLACEMENT = "\ufffd".getBytes(StandardCharsets.UTF_8);

    private Utf8() {}

    /** Half of a surrogate pair becomes U+FFFD, where {@code String.getBytes} writes '?'. */
    public static byte[] encode(String text) {
        return hasLoneSurrogate(text) ? replacing(text) : text.getBytes(StandardCharsets.UTF_8);
    }

    private static boolean hasLoneSurrogate(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                if (i + 1 == text.length()
                        || !Character.isSurrogatePair(text.charAt(i), text.charAt(i + 1))) {
                    return true;
                }
                i++;
            }
        }
        return false;
    }

    private static byte[] replacing(String text) {
        try {
            ByteBuffer bytes = StandardCharsets.UTF_8.newEncoder()
                    .onMalformedInput(CodingErrorAction.REPLACE).replaceWith(REPLACEMENT)
                    .encode(CharBuffer.wrap(text));
            return Arrays.copyOf(bytes.array(), bytes.limit());
        } catch (CharacterCodingException e) {
            throw new IllegalStateException("an encoder that replaces reported an error", e);
        }
    }

    /** Bytes of the character whose first byte this is. */
    public static int length(byte first) {
        if (first >= 0) {
            return 1;
        }
        int bits = first & 0xff;
        return bits < 0xe0 ? 2 : bits < 0xf0 ? 3 : 4;
    }

    /** The character that begins here; the text must be well-formed. */
    public static int codePoint(byte[] text, int at) {
        byte first = text[at];
        if (first >= 0) {
            return first;
        }
        return switch (length(first)) {
            case 2 -> (first & 0x1f) << 6 | text[at + 1] & 0x3f;
            case 3 -> (first & 0x0f) << 12 | (text[at + 1] & 0x3f) << 6 | text[at + 2] & 0x3f;
            default -> (first & 0x07) << 18 | (text[at + 1] & 0x3f) << 12
                    | (text[at + 2] & 0x3f) << 6 | text[at + 3] & 0x3f;
        };
    }

    /** Where the character begins that ends just before this position. */
    public static int previous(byte[] text, int at) {
        int start = at - 1;
        while (start > 0 && (text[start] & 0xc0) == 0x80) {
            start--;
        }
        return start;
    }

    static boolean isAscii(byte[] text) {
        for (byte b : text) {
            if (b < 0) {
                return false;
            }
        }
        return true;
    }

    static String decode(byte[] text, int from, int to) {
        return new String(text, from, to - from, StandardCharsets.UTF_8);
    }
}
