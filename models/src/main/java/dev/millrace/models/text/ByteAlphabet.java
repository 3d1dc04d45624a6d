package dev.millrace.models.text;

import java.util.Arrays;

/**
 * GPT-2's spelling of bytes in vocabulary files: printable ones as themselves, the others as the
 * characters from U+0100 on.
 */
public final class ByteAlphabet {

    private static final int NONE = -1;
    private static final char[] SPELLING = new char[256];
    private static final int[] BYTES = new int[0x200];

    static {
        Arrays.fill(BYTES, NONE);
        char next = 0x100;
        for (int value = 0; value < SPELLING.length; value++) {
            boolean printable = value >= '!' && value <= '~' || value >= 0xa1 && value <= 0xac
                    || value >= 0xae;
            SPELLING[value] = printable ? (char) value : next++;
            BYTES[SPELLING[value]] = value;
        }
    }

    private ByteAlphabet() {}

    /** Whether a piece consists of these characters; no text can become one that does not. */
    public static boolean isSpelling(String piece) {
        return piece.chars().allMatch(unit -> unit < BYTES.length && BYTES[unit] != NONE);
    }

    /** The bytes that a piece spells; a piece of other characters is its own UTF-8. */
    public static byte[] bytes(String piece) {
        if (!isSpelling(piece)) {
            return Utf8.encode(piece);
        }
        byte[] bytes = new byte[piece.length()];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) BYTES[piece.charAt(i)];
        }
        return bytes;
    }

    /** The spelling of bytes. */
    public static String spell(byte[] bytes) {
        char[] spelling = new char[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            spelling[i] = SPELLING[bytes[i] & 0xff];
        }
        return new String(spelling);
    }
}
