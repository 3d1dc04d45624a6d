package dev.millrace.engine.forward;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What {@link SamplingRow} means, written down as plainly as possible: everything sorted, in
 * double, every definition followed to the letter. Slow, and the judge of the fast one.
 */
final class PlainSampler {

    private PlainSampler() {}

    /** Logits after masks, rules and penalties, for the token after {@code text}. */
    static double[] adjusted(float[] logits, SamplingRow sampling, int[] text, long[] mask) {
        double[] adjusted = new double[logits.length];
        int prompt = sampling.historyPrompt();
        int[] completion = Arrays.copyOfRange(text, prompt, text.length);
        LogitRules rules = sampling.rules();
        Penalties penalties = sampling.penalties();
        int first = penalties.lastTokens() < 0
                ? 0
                : Math.max(0, text.length - penalties.lastTokens());
        int[] seen = Arrays.copyOfRange(text, first, text.length);
        int[] seenCompletion = Arrays.copyOfRange(text, Math.max(first, prompt), text.length);
        for (int token = 0; token < logits.length; token++) {
            int wanted = token;
            double logit = logits[token];
            for (int i = 0; i < rules.biasTokens().length; i++) {
                logit += rules.biasTokens()[i] == token ? rules.biasValues()[i] : 0;
            }
            if (Arrays.stream(seen).anyMatch(said -> said == wanted)) {
                logit = logit > 0
                        ? logit / penalties.repetition()
                        : logit * penalties.repetition();
            }
            long count = Arrays.stream(seenCompletion).filter(said -> said == wanted).count();
            logit -= count * penalties.frequency() + (count > 0 ? penalties.presence() : 0);
            logit -= dry(token, penalties.dry(), text);
            adjusted[token] = isForbidden(token, rules, completion, mask)
                    ? Double.NEGATIVE_INFINITY
                    : logit;
        }
        return adjusted;
    }

    private static boolean isForbidden(int token, LogitRules rules, int[] completion,
            long[] mask) {
        if (mask != null && (mask[token / 64] >>> token & 1) == 0) {
            return true;
        }
        if (rules.allowed() != null && (rules.allowed()[token / 64] >>> token & 1) == 0) {
            return true;
        }
        for (int[] banned : rules.banned()) {
            int[] said = Arrays.copyOf(completion, completion.length + 1);
            said[completion.length] = token;
            if (endsWith(said, said.length, banned)) {
                return true;
            }
        }
        return false;
    }

    private static boolean endsWith(int[] text, int length, int[] ending) {
        return length >= ending.length
                && Arrays.equals(text, length - ending.length, length, ending, 0, ending.length);
    }

    /** What a token loses for going on with the longest run that it followed before. */
    private static double dry(int token, DryPenalty dry, int[] text) {
        int[] seen = dry.range() < 0
                ? text
                : Arrays.copyOfRange(text, Math.max(0, text.length - dry.range()), text.length);
        if (dry.multiplier() == 0 || dry.breakers().breaksAlone(token)) {
            return 0;
        }
        int limit = limit(seen, dry.breakers());
        int longest = -1;
        for (int place = 1; place < seen.length; place++) {
            if (seen[place] == token) {
                int run = 0;
                while (run < limit && run < place
                        && seen[place - 1 - run] == seen[seen.length - 1 - run]) {
                    run++;
                }
                longest = Math.max(longest, run);
            }
        }
        return longest < dry.allowedLength()
                ? 0
                : dry.multiplier() * Math.pow(dry.base(), longest - dry.allowedLength());
    }

    /** Tokens after the breaker that begins last. */
    private static int limit(int[] text, SequenceBreakers breakers) {
        for (int begin = text.length - 1; begin >= 0; begin--) {
            int[] newestFirst = new int[text.length];
            for (int i = 0; i < text.length; i++) {
                newestFirst[i] = text[text.length - 1 - i];
            }
            int after = breakers.reach(newestFirst, text.length - 1 - begin);
            if (after >= 0) {
                return text.length - 1 - begin - after;
            }
        }
        return text.length;
    }

    /** Probabilities that the filters leave of these logits. */
    static double[] distribution(double[] logits, TokenFilters filters, boolean excluding) {
        List<Integer> kept = new ArrayList<>(IntStream.range(0, logits.length)
                .filter(token -> logits[token] > Double.NEGATIVE_INFINITY).boxed().toList());
        kept.sort(Comparator.comparingDouble((Integer token) -> -logits[token]));
        if (filters.topNSigma() > 0) {
            double mean = kept.stream().mapToDouble(token -> logits[token]).average().orElse(0);
            double variance = kept.stream().mapToDouble(token -> logits[token] - mean)
                    .map(deviation -> deviation * deviation).average().orElse(0);
            double least = logits[kept.getFirst()] - filters.topNSigma() * Math.sqrt(variance);
            kept.removeIf(token -> logits[token] < least);
        }
        if (filters.topK() > 0 && filters.topK() < kept.size()) {
            kept = new ArrayList<>(kept.subList(0, filters.topK()));
        }
        double[] scaled = Arrays.stream(logits).map(logit -> logit / filters.temperature())
                .toArray();
        double[] all = normalised(scaled, kept);
        if (filters.typicalP() < 1) {
            double entropy = kept.stream().mapToDouble(token -> -all[token] * Math.log(all[token]))
                    .filter(Double::isFinite).sum();
            List<Integer> nearest = new ArrayList<>(kept);
            nearest.sort(Comparator.comparingDouble(
                    token -> Math.abs(-Math.log(all[token]) - entropy)));
            List<Integer> typical = smallest(nearest, all, filters.typicalP());
            kept.retainAll(typical);
        }
        if (filters.topP() < 1) {
            kept = smallest(kept, normalised(scaled, kept), filters.topP());
        }
        double[] rest = normalised(scaled, kept);
        double best = rest[kept.getFirst()];
        kept.removeIf(token -> rest[token] < filters.minP() * best);
        if (excluding) {
            double[] last = normalised(scaled, kept);
            long reaching = kept.stream().filter(token -> last[token] >= filters.xtcThreshold())
                    .count();
            kept = kept.subList((int) Math.max(0, reaching - 1), kept.size());
        }
        return normalised(scaled, kept);
    }

    /** The beginning of a list that reaches a share of the weight, at least one. */
    private static List<Integer> smallest(List<Integer> order, double[] weights, double share) {
        double total = order.stream().mapToDouble(token -> weights[token]).sum();
        double sum = weights[order.getFirst()];
        int count = 1;
        while (count < order.size() && sum < share * total) {
            sum += weights[order.get(count++)];
        }
        return new ArrayList<>(order.subList(0, count));
    }

    private static double[] normalised(double[] scaled, List<Integer> kept) {
        double max = kept.stream().mapToDouble(token -> scaled[token]).max().orElseThrow();
        double sum = kept.stream().mapToDouble(token -> Math.exp(scaled[token] - max)).sum();
        double[] probabilities = new double[scaled.length];
        for (int token : kept) {
            probabilities[token] = Math.exp(scaled[token] - max) / sum;
        }
        return probabilities;
    }
}
