package dev.millrace.engine.embedding;

import dev.millrace.models.text.EncoderInput;
import java.util.List;
import java.util.Objects;

/**
 * Texts to embed, or pairs to score, tokenised and validated.
 *
 * @param id    unique; opaque to the engine, the meter's key
 * @param texts token ids; at least one text, each of at least one token
 */
public record EmbeddingRequest(String id, List<EncoderInput> texts) {

    public EmbeddingRequest {
        Objects.requireNonNull(id, "id");
        texts = List.copyOf(texts);
        if (texts.isEmpty() || texts.stream().anyMatch(text -> text.length() == 0)) {
            throw new IllegalArgumentException(
                    "a request needs at least one text, and a text at least one token");
        }
    }

    /** Tokens of all texts. */
    public int tokens() {
        return texts.stream().mapToInt(EncoderInput::length).sum();
    }
}
