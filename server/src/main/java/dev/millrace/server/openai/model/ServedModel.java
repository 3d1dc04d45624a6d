package dev.millrace.server.openai.model;

import dev.millrace.engine.Engine;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.store.Licence;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.server.dialogue.ToolFormat;
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
 * @param baseId        the name of the model that it is an adapter of; its own where it is none
 * @param adapterSlot   where the engine keeps the adapter, or
 *                      {@link dev.millrace.engine.forward.SequenceRow#NO_ADAPTER}
 * @param toolFormat    how it spells calls of tools, where one was asked for by name; otherwise its
 *                      template tells
 * @param noVectors     why its last state is no vector of a text; empty where it is one
 */
public record ServedModel(String id, ModelSpec spec, Tokenizer tokenizer,
        Optional<ChatTemplate> chatTemplate, Engine engine, int contextTokens, String backend,
        Instant created, Licence licence, String baseId, int adapterSlot,
        Optional<ToolFormat> toolFormat, Optional<String> noVectors) implements ListedModel {

    @Override
    public boolean loaded() {
        return engine.loaded();
    }

    @Override
    public Optional<String> parent() {
        return isAdapter() ? Optional.of(baseId) : Optional.empty();
    }

    /** A model as it is, without an adapter. */
    public ServedModel(String id, ModelSpec spec, Tokenizer tokenizer,
            Optional<ChatTemplate> chatTemplate, Engine engine, int contextTokens, String backend,
            Instant created, Licence licence) {
        this(id, spec, tokenizer, chatTemplate, engine, contextTokens, backend, created, licence,
                id, SequenceRow.NO_ADAPTER, Optional.empty(), Optional.empty());
    }

    /** This model, of whose last state its file says that it is no vector of a text. */
    public ServedModel withoutVectors(String why) {
        return new ServedModel(id, spec, tokenizer, chatTemplate, engine, contextTokens, backend,
                created, licence, baseId, adapterSlot, toolFormat, Optional.of(why));
    }

    /** This model with an adapter that its engine has loaded, called {@code id:name}. */
    public ServedModel withAdapter(String name, int slot) {
        return new ServedModel(id + ":" + name, spec, tokenizer, chatTemplate, engine,
                contextTokens, backend, Instant.now(), licence, id, slot, toolFormat, noVectors);
    }

    /** This model, whose calls of tools are spelled in a format that was asked for by name. */
    public ServedModel withToolFormat(ToolFormat format) {
        return new ServedModel(id, spec, tokenizer, chatTemplate, engine, contextTokens, backend,
                created, licence, baseId, adapterSlot, Optional.of(format), noVectors);
    }

    /** Whether it is an adapter of another model. */
    public boolean isAdapter() {
        return adapterSlot != SequenceRow.NO_ADAPTER;
    }

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
