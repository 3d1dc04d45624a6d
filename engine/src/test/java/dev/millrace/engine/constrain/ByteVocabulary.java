package dev.millrace.engine.constrain;

import dev.millrace.engine.Vocabulary;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Every byte as a token, then further tokens, then one that ends the text and one of no text. */
final class ByteVocabulary implements Vocabulary {

    private final List<byte[]> tokens = new ArrayList<>();

    private ByteVocabulary(List<byte[]> further) {
        for (int value = 0; value < 256; value++) {
            tokens.add(new byte[]{(byte) value});
        }
        tokens.addAll(further);
        tokens.add(NO_BYTES);
        tokens.add(NO_BYTES);
    }

    static ByteVocabulary with(String... further) {
        return new ByteVocabulary(List.of(further).stream()
                .map(text -> text.getBytes(StandardCharsets.UTF_8)).toList());
    }

    static ByteVocabulary withBytes(List<byte[]> further) {
        return new ByteVocabulary(further);
    }

    int end() {
        return tokens.size() - 2;
    }

    @Override
    public int size() {
        return tokens.size();
    }

    @Override
    public byte[] bytes(int token) {
        return tokens.get(token);
    }

    @Override
    public boolean endsGeneration(int token) {
        return token == end();
    }
}
