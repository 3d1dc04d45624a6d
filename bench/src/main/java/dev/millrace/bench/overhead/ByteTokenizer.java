package dev.millrace.bench.overhead;

import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Collectors;

/** A token per byte, and one that ends a text. */
final class ByteTokenizer implements Tokenizer {

    private static final int BYTES = 256;

    @Override
    public int vocabularySize() {
        return BYTES + 1;
    }

    @Override
    public int[] encode(List<TextSpan> spans, boolean addStart) {
        byte[] bytes = spans.stream().map(TextSpan::text).collect(Collectors.joining())
                .getBytes(StandardCharsets.UTF_8);
        int[] tokens = new int[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            tokens[i] = bytes[i] & 0xff;
        }
        return tokens;
    }

    @Override
    public byte[] bytes(int token) {
        return token < BYTES ? new byte[]{(byte) token} : new byte[0];
    }

    @Override
    public String piece(int token) {
        return decode(new int[]{token});
    }

    @Override
    public String decode(int[] tokens) {
        byte[] bytes = new byte[tokens.length];
        int count = 0;
        for (int token : tokens) {
            if (token < BYTES) {
                bytes[count++] = (byte) token;
            }
        }
        return new String(bytes, 0, count, StandardCharsets.UTF_8);
    }

    @Override
    public int startToken() {
        return endToken();
    }

    @Override
    public boolean addsStart() {
        return false;
    }

    @Override
    public int endToken() {
        return BYTES;
    }

    @Override
    public boolean endsGeneration(int token) {
        return token == BYTES;
    }
}
