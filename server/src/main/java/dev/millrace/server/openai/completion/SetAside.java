package dev.millrace.server.openai.completion;

import dev.millrace.server.metering.budget.Hold;
import dev.millrace.server.tenants.Quota;
import java.util.List;

/**
 * What is set aside for the requests of one call: tokens of the key's minute, and money for each.
 *
 * @param holds one for each, in their order
 */
public record SetAside(Quota.Reservation tokens, List<Hold> holds) {

    /** Gives back what was not used. @param usedTokens of prompts and completions */
    public void settle(long usedTokens) {
        tokens.settle(usedTokens);
        holds.forEach(Hold::drop);
    }

    /** Whether any of them was ended because there was no more money. */
    public boolean exhausted() {
        return holds.stream().anyMatch(Hold::isExhausted);
    }
}
