package dev.millrace.server.embeddings;

import dev.millrace.engine.embedding.EmbeddingEngine;
import dev.millrace.models.store.Licence;
import dev.millrace.models.text.PairTemplate;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.server.openai.model.ListedModel;
import java.time.Instant;
import java.util.Optional;

/**
 * A model that clients may ask for vectors, or for how well two texts belong together.
 *
 * @param id             the name that requests use
 * @param architecture   what it is, for people and metrics
 * @param tokenizer      its text in
 * @param vocabularySize token ids are below it
 * @param dimensions     of its vectors, which have length one; 1 of one that scores pairs
 * @param engine         runs it; drained but not closed by the server
 * @param contextTokens  of the longest text
 * @param backend        what runs it, for people and metrics
 * @param created        when it was loaded
 * @param licence        its terms
 * @param pairs          how two texts become one; empty of one that makes vectors
 * @param unproven       what is not known of how well it runs
 */
public record EmbeddingModel(String id, String architecture, Tokenizer tokenizer,
        int vocabularySize, int dimensions, EmbeddingEngine engine, int contextTokens,
        String backend, Instant created, Licence licence,
        Optional<PairTemplate> pairs,
        Optional<String> unproven) implements ListedModel, VectorModel {

    /** One that makes vectors. */
    public EmbeddingModel(String id, String architecture, Tokenizer tokenizer, int vocabularySize,
            int dimensions, EmbeddingEngine engine, int contextTokens, String backend,
            Instant created, Licence licence) {
        this(id, architecture, tokenizer, vocabularySize, dimensions, engine, contextTokens,
                backend, created, licence, Optional.empty(), Optional.empty());
    }

    @Override
    public ListedModel listed() {
        return this;
    }

    @Override
    public boolean scores() {
        return pairs.isPresent();
    }

    /** The tokens of a text within a pair: nothing is special, and nothing at its ends. */
    int[] inner(String text) {
        return tokenizer.encode(text, false);
    }
}
