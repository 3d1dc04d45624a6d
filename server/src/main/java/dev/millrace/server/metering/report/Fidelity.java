package dev.millrace.server.metering.report;

import java.time.LocalDate;
import java.util.Locale;

/**
 * How true a served model is to the one it was made from: what its lower cost is bought with.
 *
 * @param model               the served model
 * @param reference           what it was held to
 * @param text                the text whose tokens were predicted
 * @param positions           predictions
 * @param klDivergence        mean Kullback-Leibler divergence from the reference, in nats
 * @param sameChoice          share of positions at which both prefer the same token
 * @param perplexity          its own
 * @param referencePerplexity the reference's
 * @param measured            the day
 */
public record Fidelity(String model, String reference, String text, int positions,
        double klDivergence, double sameChoice, double perplexity, double referencePerplexity,
        LocalDate measured) {

    /** One line for people. */
    public String sentence() {
        return String.format(Locale.ROOT, "fidelity to %s: same choice %.2f %%, KL divergence"
                + " %.6f nats, perplexity %+.2f %% (%s, %d positions, %s)", reference,
                100 * sameChoice, klDivergence, 100 * (perplexity / referencePerplexity - 1), text,
                positions, measured);
    }
}
