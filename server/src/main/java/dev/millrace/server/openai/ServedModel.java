package dev.millrace.server.openai;

import dev.millrace.engine.Engine;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.store.Licence;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.text.Tokenizer;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;

/**
 * A model that clients may ask for.
 *
 * @param id            the name that requests use
 * @param spec          its sizes
 * @param tokenizer     its text in and out
 * @param chatTemplate  how it spells a conversation; empty for a model without one, which serves
 *                      plain completions only
 * @param engine        runs it; drained but not closed by the server
 * @param contextTokens longest sequence that the engine takes, at most what the model was made for
 * @param backend       what runs it, for people and metrics
 * @param created       when it was loaded
 * @param licence       its terms
 */
public record ServedModel(String id, ModelSpec spec, Tokenizer tokenizer,
        Optional<ChatTemplate> chatTemplate, Engine engine, int contextTokens, String backend,
        Instant created, Licence licence) {

    public ServedModel {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(tokenizer, "tokenizer");
        Objects.requireNonNull(chatTemplate, "chatTemplate");
        Objects.requireNonNull(engine, "engine");
        if (contextTokens < 1 || contextTokens > spec.contextTokens()) {
            throw new IllegalArgumentException("contextTokens must be between 1 and "
                    + spec.contextTokens() + ", which " + id + " was made for, got "
                    + contextTokens);
        }
    }
}
