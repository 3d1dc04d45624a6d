package dev.millrace.models;

/**
 * A mixture of experts: a router gives every expert a logit, and a token's result is the sum of the
 * chosen experts' with the largest logits, each times its weight.
 *
 * @param count      experts
 * @param chosen     experts that a token is sent to
 * @param normalised whether the weights are a softmax over the chosen experts' logits (mixtral,
 *                   qwen3-moe with norm_topk_prob, gpt-oss); if not, over all logits (qwen2-moe)
 * @param routerBias whether the router adds a bias: gpt-oss
 * @param sharedSize width of a network that every token goes through, times the sigmoid of a logit
 *                   of its own: qwen2-moe; 0 for none
 */
public record ExpertSpec(int count, int chosen, boolean normalised, boolean routerBias,
        int sharedSize) {

    public ExpertSpec {
        if (chosen < 1 || chosen > count) {
            throw new IllegalArgumentException(
                    "cannot choose " + chosen + " of " + count + " experts");
        }
    }

    /** As mixtral does it. */
    public static ExpertSpec of(int count, int chosen) {
        return new ExpertSpec(count, chosen, true, false, 0);
    }

    public ExpertSpec withNormalised(boolean other) {
        return new ExpertSpec(count, chosen, other, routerBias, sharedSize);
    }

    public ExpertSpec withRouterBias(boolean other) {
        return new ExpertSpec(count, chosen, normalised, other, sharedSize);
    }

    public ExpertSpec withSharedSize(int other) {
        return new ExpertSpec(count, chosen, normalised, routerBias, other);
    }
}
