package dev.millrace.engine;

import dev.millrace.models.text.Tokenizer;
import java.nio.charset.StandardCharsets;

/** What the engine knows of a model's tokens: how many, their bytes, which of them end a text. */
public interface Vocabulary {

    /** Tokens that the model can be given and can sample; ids run from 0 to one less. */
    int size();

    /** The bytes to show for a token; empty where there are none. Not to be written to. */
    byte[] bytes(int token);

    /** Whether the model ends its text with this token. */
    boolean endsGeneration(int token);

    /** How the vocabulary spells a token that has no bytes to show, in UTF-8; empty for padding. */
    default byte[] name(int token) {
        return NO_BYTES;
    }

    /**
     * The tokens of a model with a tokenizer.
     *
     * @param size rows of the model's output; ids beyond the tokenizer's are padding without text
     */
    static Vocabulary of(Tokenizer tokenizer, int size) {
        int known = tokenizer.vocabularySize();
        return new Vocabulary() {

            @Override
            public int size() {
                return size;
            }

            @Override
            public byte[] bytes(int token) {
                return token < known ? tokenizer.bytes(token) : NO_BYTES;
            }

            @Override
            public boolean endsGeneration(int token) {
                return token < known && tokenizer.endsGeneration(token);
            }

            @Override
            public byte[] name(int token) {
                return token < known
                        ? tokenizer.piece(token).getBytes(StandardCharsets.UTF_8)
                        : NO_BYTES;
            }
        };
    }

    /** The tokens of a model that has ids but no text; only stop tokens and limits end these. */
    static Vocabulary idsOnly(int size) {
        return new Vocabulary() {

            @Override
            public int size() {
                return size;
            }

            @Override
            public byte[] bytes(int token) {
                return NO_BYTES;
            }

            @Override
            public boolean endsGeneration(int token) {
                return false;
            }
        };
    }

    /** For tokens without text. */
    byte[] NO_BYTES = {};
}
