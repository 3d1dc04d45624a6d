package dev.millrace.models.tokenizers;

import dev.millrace.models.text.Vocabulary.Kind;
import java.util.ArrayList;
import java.util.List;

/**
 * A SentencePiece model as it is written
 * (<a href="https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto">
 * ModelProto</a>), with the defaults that it states.
 */
final class SentencePieceFile {

    static final int UNIGRAM = 1;
    static final int BYTE_PAIRS = 2;

    private static final int MAX_PIECES = TokenizerJson.MAX_TOKENS;

    final List<byte[]> pieces = new ArrayList<>();
    final List<Float> scores = new ArrayList<>();
    final List<Kind> kinds = new ArrayList<>();
    int modelType = UNIGRAM;
    boolean spacesAreSuffixes;
    boolean byteFallback;
    int unknownToken;
    int startToken = 1;
    int endToken = 2;
    byte[] map = {};
    boolean addsSpacePrefix = true;
    boolean mergesSpaces = true;

    /** @throws IllegalArgumentException if the data is damaged */
    SentencePieceFile(byte[] data) {
        ProtobufMessage model = new ProtobufMessage(data);
        for (int field = model.next(); field != 0; field = model.next()) {
            switch (field) {
                case 1 -> readPiece(model.message());
                case 2 -> readTrainer(model.message());
                case 3 -> readNormalizer(model.message());
                default -> {
                    // Self tests and denormalisation do not matter here.
                }
            }
        }
        if (pieces.isEmpty()) {
            throw new IllegalArgumentException("without pieces");
        }
    }

    boolean isBytePairs() {
        return modelType == BYTE_PAIRS;
    }

    /** Whether a text is another before it is split. */
    boolean changesText() {
        return map.length > 0 || mergesSpaces;
    }

    private void readPiece(ProtobufMessage message) {
        byte[] piece = {};
        float score = 0;
        long kind = 1;
        for (int field = message.next(); field != 0; field = message.next()) {
            switch (field) {
                case 1 -> piece = message.bytes();
                case 2 -> score = message.real();
                case 3 -> kind = message.number();
                default -> {
                    // No others are known.
                }
            }
        }
        if (Float.isNaN(score) || pieces.size() == MAX_PIECES) {
            throw new IllegalArgumentException("damaged at piece " + pieces.size());
        }
        pieces.add(piece);
        scores.add(score);
        kinds.add(Kind.of(kind));
    }

    private void readTrainer(ProtobufMessage message) {
        for (int field = message.next(); field != 0; field = message.next()) {
            switch (field) {
                case 3 -> modelType = (int) message.number();
                case 24 -> spacesAreSuffixes = message.flag();
                case 35 -> byteFallback = message.flag();
                case 40 -> unknownToken = (int) message.number();
                case 41 -> startToken = (int) message.number();
                case 42 -> endToken = (int) message.number();
                default -> {
                    // The rest is about training.
                }
            }
        }
    }

    private void readNormalizer(ProtobufMessage message) {
        for (int field = message.next(); field != 0; field = message.next()) {
            switch (field) {
                case 2 -> map = message.bytes();
                case 3 -> addsSpacePrefix = message.flag();
                case 4 -> mergesSpaces = message.flag();
                default -> {
                    // Its name, and rules that the map already holds.
                }
            }
        }
    }
}
