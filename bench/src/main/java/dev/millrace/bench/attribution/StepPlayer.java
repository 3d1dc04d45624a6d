package dev.millrace.bench.attribution;

import java.util.ArrayList;
import java.util.List;

/**
 * A sequence that may be in a step.
 *
 * @param depthTokens positions that its cache holds already, computed or cached before
 * @param tokens      tokens that it computes: 1 while it decodes
 */
record StepPlayer(int depthTokens, int tokens) {

    /**
     * Reads a list such as {@code 64+1,1000+1,0+96}: depth and tokens of each.
     *
     * @throws IllegalArgumentException if it is none, or of fewer than 2 or more than 6 sequences
     */
    static List<StepPlayer> parse(String text) {
        List<StepPlayer> players = new ArrayList<>();
        for (String part : text.split(",", -1)) {
            String[] numbers = part.strip().split("\\+", -1);
            if (numbers.length != 2 || !numbers[0].matches("\\d{1,6}")
                    || !numbers[1].matches("[1-9]\\d{0,5}")) {
                throw new IllegalArgumentException("a sequence is written DEPTH+TOKENS, such as"
                        + " 64+1 for one that decodes after 64 positions; got \"" + part + "\"");
            }
            players.add(new StepPlayer(Integer.parseInt(numbers[0]),
                    Integer.parseInt(numbers[1])));
        }
        if (players.size() < 2 || players.size() > 6) {
            throw new IllegalArgumentException("2 to 6 sequences share a step here, got "
                    + players.size());
        }
        return List.copyOf(players);
    }

    int contextTokens() {
        return depthTokens + tokens;
    }

    /** Positions that its tokens attend to, summed over them. */
    long attendedTokens() {
        return (long) tokens * depthTokens + (long) tokens * (tokens + 1) / 2;
    }

    /** As it was written. */
    String label() {
        return depthTokens + "+" + tokens;
    }
}
