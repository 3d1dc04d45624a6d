package dev.millrace.server.openai.model;

import dev.millrace.engine.constrain.Grammar;
import dev.millrace.engine.constrain.GrammarException;
import dev.millrace.engine.constrain.TokenConstraint;
import dev.millrace.server.openai.wire.ApiException;
import java.util.function.Supplier;

/**
 * What a request says that the completion's text must be.
 *
 * @param path    of the field that says it
 * @param kind    of its text
 * @param text    which describes it, so that equal ones are compiled once
 * @param code    for an error
 * @param grammar its meaning; throws a {@link GrammarException} if it cannot be enforced
 */
public record Requirement(String path, String kind, String text, String code,
        Supplier<Grammar> grammar) {

    /** Compiles it. @throws ApiException 400 that names the field, if it cannot be enforced */
    public TokenConstraint compile(ConstraintCache cache) {
        try {
            return cache.get(kind, text, grammar);
        } catch (GrammarException e) {
            throw refusal(e);
        }
    }

    public ApiException refusal(GrammarException e) {
        return ApiException.refused(400, path, code, path + " cannot be enforced: "
                + e.getMessage());
    }
}
