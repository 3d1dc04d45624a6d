package dev.millrace.engine;

import dev.millrace.engine.forward.ForwardPass;

/**
 * A smaller model with the same tokens that guesses what another is going to say.
 *
 * @param pass          the model on the device; used by one engine alone
 * @param stepTokens    most tokens in one of its steps
 * @param contextTokens longest text that it can read
 */
public record DraftModel(ForwardPass pass, int stepTokens, int contextTokens) {

    public DraftModel {
        if (stepTokens < 1 || contextTokens < 1) {
            throw new IllegalArgumentException("a draft model's steps of " + stepTokens
                    + " tokens and its context of " + contextTokens + " must be at least 1");
        }
    }
}
