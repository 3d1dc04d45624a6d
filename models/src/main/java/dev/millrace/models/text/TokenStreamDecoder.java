package dev.millrace.models.text;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Turns the bytes of successive tokens into text that never ends in half a character: what could
 * still become one is kept for the next token. Bytes that cannot become U+FFFD, exactly as where
 * {@code new String(bytes, UTF_8)} decodes the whole: one for each maximal part of a sequence, and
 * one for an encoded surrogate. For one stream and one thread.
 */
public final class TokenStreamDecoder {

    /** The longest beginning of a UTF-8 sequence that is not yet whole. */
    private static final int MAX_PENDING_BYTES = 3;

    private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder()
            .onMalformedInput(CodingErrorAction.REPLACE);
    private byte[] pending = new byte[0];

    /** Takes the bytes of one token and returns the text that is now certain, often empty. */
    public String accept(byte[] bytes) {
        return decode(bytes, false);
    }

    /** Ends the stream: an unfinished character comes out as U+FFFD. Ready for another stream. */
    public String finish() {
        String text = decode(new byte[0], true);
        decoder.reset();
        return text;
    }

    private String decode(byte[] bytes, boolean last) {
        ByteBuffer in = ByteBuffer.allocate(pending.length + bytes.length).put(pending).put(bytes)
                .flip();
        // Every byte becomes at most one UTF-16 unit, a replacement included.
        CharBuffer out = CharBuffer.allocate(in.remaining());
        decoder.decode(in, out, last);
        if (last) {
            decoder.flush(out);
        }
        pending = new byte[in.remaining()];
        in.get(pending);
        if (pending.length > MAX_PENDING_BYTES) {
            throw new IllegalStateException(pending.length + " bytes were left undecoded");
        }
        return out.flip().toString();
    }
}
