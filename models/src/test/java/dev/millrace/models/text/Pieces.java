package dev.millrace.models.text;

import dev.millrace.models.text.Vocabulary.Kind;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** A vocabulary under construction: three special tokens, then whatever a test adds. */
final class Pieces {

    private final List<String> names = new ArrayList<>();
    private final List<Float> scores = new ArrayList<>();
    private final List<Kind> kinds = new ArrayList<>();

    Pieces() {
        add("<unk>", 0, Kind.UNKNOWN).add("<s>", 0, Kind.CONTROL).add("</s>", 0, Kind.CONTROL);
    }

    Pieces add(String piece, float score, Kind kind) {
        names.add(piece);
        scores.add(score);
        kinds.add(kind);
        return this;
    }

    /** Adds pieces that merge the sooner, the earlier they are added. */
    Pieces normal(String... added) {
        for (String piece : added) {
            add(piece, -names.size(), Kind.NORMAL);
        }
        return this;
    }

    Pieces allBytes() {
        for (int value = 0; value < 256; value++) {
            add(String.format("<0x%02X>", value), 0, Kind.BYTE);
        }
        return this;
    }

    int indexOf(String piece) {
        return names.indexOf(piece);
    }

    float score(int token) {
        return scores.get(token);
    }

    SentencePieceTokenizer tokenizer(boolean addsSpacePrefix) {
        float[] scoreArray = new float[scores.size()];
        for (int i = 0; i < scoreArray.length; i++) {
            scoreArray[i] = scores.get(i);
        }
        byte[][] bytes = names.stream().map(name -> name.getBytes(StandardCharsets.UTF_8))
                .toArray(byte[][]::new);
        return new SentencePieceTokenizer(
                new Vocabulary(bytes, scoreArray, kinds.toArray(Kind[]::new)),
                new SentencePieceTokenizer.Options(1, 2, 0, Set.of(2), true, addsSpacePrefix));
    }
}
