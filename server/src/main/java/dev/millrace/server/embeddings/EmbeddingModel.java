package dev.millrace.server.embeddings;

import dev.millrace.engine.embedding.EmbeddingEngine;
import dev.millrace.models.store.Licence;
import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.server.openai.ListedModel;
import java.time.Instant;
import java.util.List;

/**
 * A model that clients may ask for vectors.
 *
 * @param id             the name that requests use
 * @param architecture   what it is, for people and metrics
 * @param tokenizer      its text in
 * @param vocabularySize token ids are below it
 * @param dimensions     of its vectors, which have length one
 * @param engine         runs it; drained but not closed by the server
 * @param contextTokens  of the longest text
 * @param backend        what runs it, for people and metrics
 * @param created        when it was loaded
 * @param licence        its terms
 */
public record EmbeddingModel(String id, String architecture, Tokenizer tokenizer,
        int vocabularySize, int dimensions, EmbeddingEngine engine, int contextTokens,
        String backend, Instant created, Licence licence) implements ListedModel {

    /** The tokens of a text, in which nothing is special, as the model wants them. */
    int[] tokens(String text) {
        return tokenizer.encodeWhole(List.of(new TextSpan(text, false)));
    }
}
