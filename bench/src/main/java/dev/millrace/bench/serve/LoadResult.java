package dev.millrace.bench.serve;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What a workload brought to light. Latencies are milliseconds of the requests that succeeded.
 *
 * @param seconds   from the start to the end of the last answer
 * @param tokens    of all answers
 * @param cached    of all tokens in prompts, the share that the server had computed before
 * @param first     to the first token
 * @param gap       between one piece of an answer and the next, over all answers
 * @param end       to the end of the answer
 * @param goodput   requests per second that met both objectives
 * @param costUsd   what the server says all of it cost; NaN if it does not say
 * @param failures  how often requests failed, by reason
 */
record LoadResult(int requests, double seconds, long tokens, double cached, Percentiles first,
        Percentiles gap, Percentiles end, double goodput, double costUsd,
        Map<String, Long> failures) {

    /**
     * @param mostFirstMillis objective for the first token
     * @param mostTokenMillis objective for the mean time of each token after it
     */
    static LoadResult of(List<Answered> answers, double mostFirstMillis,
            double mostTokenMillis) {
        List<Answered> good = answers.stream().filter(Answered::succeeded).toList();
        double seconds = answers.stream().mapToLong(Answered::endNanos).max().orElse(0) * 1e-9;
        long met = good.stream().filter(answer -> answer.firstMillis() <= mostFirstMillis
                && answer.tokenMillis() <= mostTokenMillis).count();
        return new LoadResult(answers.size(), seconds,
                good.stream().mapToLong(Answered::tokens).sum(), cached(good),
                Percentiles.of(good.stream().mapToDouble(Answered::firstMillis).toArray()),
                Percentiles.of(good.stream().flatMapToLong(a -> Arrays.stream(a.gaps()))
                        .mapToDouble(nanos -> nanos * 1e-6).toArray()),
                Percentiles.of(good.stream().mapToDouble(Answered::endMillis).toArray()),
                met / seconds,
                good.isEmpty() ? Double.NaN : good.stream().mapToDouble(Answered::costUsd).sum(),
                answers.stream().filter(answer -> !answer.succeeded()).collect(Collectors
                        .groupingBy(Answered::failure, LinkedHashMap::new,
                                Collectors.counting())));
    }

    private static double cached(List<Answered> answers) {
        long prompts = answers.stream().mapToLong(Answered::promptTokens).sum();
        return prompts == 0
                ? 0
                : answers.stream().mapToLong(Answered::cachedTokens).sum() / (double) prompts;
    }

    double tokensPerSecond() {
        return tokens / seconds;
    }

    /** US dollars for a million tokens of answers; NaN if the server does not say. */
    double usdPerMillion() {
        return costUsd / tokens * 1e6;
    }

    /** The fields of the result, without the machine's and the run's. */
    Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("requests", requests);
        map.put("failures", failures);
        map.put("seconds", seconds);
        map.put("tok_per_s", tokensPerSecond());
        map.put("cached_share", cached);
        map.put("first_token_ms", first);
        map.put("token_gap_ms", gap);
        map.put("end_ms", end);
        map.put("goodput_per_s", goodput);
        if (!Double.isNaN(costUsd)) {
            map.put("usd_per_million", usdPerMillion());
        }
        return map;
    }
}
