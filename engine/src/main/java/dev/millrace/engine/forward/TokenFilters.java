package dev.millrace.engine.forward;

/**
 * Which tokens remain to be drawn from, in the order in which they are left out: top-n-sigma,
 * then of what the temperature makes of the logits top-k, typical, top-p, min-p and XTC. At
 * temperature 0 the likeliest token is taken and none of these says anything.
 *
 * @param temperature    divides the logits; 0 for greedy
 * @param topK           keep this many; 0 for all
 * @param topP           keep the smallest set of at least this probability; 1 for all
 * @param minP           keep what has at least this share of the best; 0 for all
 * @param typicalP       keep the smallest set of at least this probability whose surprise is
 *                       nearest to the expected one (Meister et al., "Locally typical sampling",
 *                       2023); 1 for all
 * @param topNSigma      keep logits at most this many standard deviations below the best (Tang et
 *                       al., "Top-n-sigma: not all logits are you need", 2024); 0 for all
 * @param xtcProbability how often, from 0 to 1, to leave out the likeliest tokens so that only the
 *                       least likely of those that reach {@code xtcThreshold} remains with the rest
 *                       ("exclude top choices"); 0 for never
 * @param xtcThreshold   the probability that a token must reach to be left out
 */
public record TokenFilters(float temperature, int topK, float topP, float minP, float typicalP,
        float topNSigma, float xtcProbability, float xtcThreshold) {

    /** Always the likeliest token. */
    public static final TokenFilters GREEDY = of(0, 0, 1, 0);

    /** The four that everyone knows. */
    public static TokenFilters of(float temperature, int topK, float topP, float minP) {
        return new TokenFilters(temperature, topK, topP, minP, 1, 0, 0, 1);
    }

    /** These, and typical sampling. */
    public TokenFilters typical(float share) {
        return new TokenFilters(temperature, topK, topP, minP, share, topNSigma, xtcProbability,
                xtcThreshold);
    }

    /** These, and what is this many standard deviations below the best is left out. */
    public TokenFilters sigmas(float deviations) {
        return new TokenFilters(temperature, topK, topP, minP, typicalP, deviations,
                xtcProbability, xtcThreshold);
    }

    /** These, and at times the top choices are left out. */
    public TokenFilters excludingTop(float probability, float threshold) {
        return new TokenFilters(temperature, topK, topP, minP, typicalP, topNSigma, probability,
                threshold);
    }
}
