package dev.millrace.server.openai.model;

import dev.millrace.models.store.Licence;
import java.time.Instant;
import java.util.Optional;

/** What {@code /v1/models} tells of a model, whatever it is good for. */
public interface ListedModel {

    /** The name that requests use. */
    String id();

    /** When it was loaded. */
    Instant created();

    /** Tokens of the longest text. */
    int contextTokens();

    /** Its terms. */
    Licence licence();

    /** Whether it is on the device at the moment. */
    default boolean loaded() {
        return true;
    }

    /** What is not known of how well this version runs it. */
    default Optional<String> unproven() {
        return Optional.empty();
    }

    /** The model that it is an adapter of. */
    default Optional<String> parent() {
        return Optional.empty();
    }
}
