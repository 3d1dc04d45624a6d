package dev.millrace.engine;

import dev.millrace.engine.forward.SequenceBreakers;
import dev.millrace.models.text.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Finds how texts that break repeated runs may be spelled in a model's tokens. */
public final class BreakerTokens {

    /** What llama.cpp takes where nothing is said. */
    public static final List<String> DEFAULT = List.of("\n", ":", "\"", "*");
    /** Most bytes of one breaker. */
    public static final int MOST_BYTES = 40;

    private static final int[] ALONE = {};

    private BreakerTokens() {}

    /**
     * Spells breakers: every token that has one within it, and every token that ends with the
     * beginning of one, followed by the tokens of its rest. Takes time linear in the vocabulary.
     *
     * @param breakers texts of 1 to {@link #MOST_BYTES} bytes in UTF-8
     */
    public static SequenceBreakers of(List<String> breakers, Tokenizer tokenizer) {
        Map<Integer, int[][]> tails = new HashMap<>();
        for (String breaker : breakers) {
            byte[] text = breaker.getBytes(StandardCharsets.UTF_8);
            if (text.length == 0 || text.length > MOST_BYTES) {
                throw new IllegalArgumentException("a sequence breaker must have from 1 to "
                        + MOST_BYTES + " bytes in UTF-8, got " + text.length);
            }
            int[][] rests = rests(breaker, tokenizer);
            for (int token = 0; token < tokenizer.vocabularySize(); token++) {
                spell(token, tokenizer.bytes(token), text, rests, tails);
            }
        }
        return new SequenceBreakers(tails);
    }

    /** The tokens of what follows after so many bytes; null within a character. */
    private static int[][] rests(String breaker, Tokenizer tokenizer) {
        int[][] rests = new int[breaker.getBytes(StandardCharsets.UTF_8).length][];
        for (int at = 0; at < breaker.length(); at += Character.charCount(breaker
                .codePointAt(at))) {
            int bytes = breaker.substring(0, at).getBytes(StandardCharsets.UTF_8).length;
            rests[bytes] = tokenizer.encode(breaker.substring(at), false);
        }
        return rests;
    }

    private static void spell(int token, byte[] word, byte[] breaker, int[][] rests,
            Map<Integer, int[][]> tails) {
        for (int begin = 0; begin < word.length; begin++) {
            int common = Math.min(breaker.length, word.length - begin);
            if (word[begin] != breaker[0] || !Arrays.equals(word, begin, begin + common, breaker,
                    0, common)) {
                continue;
            }
            if (common == breaker.length) {
                add(token, ALONE, tails);
            } else if (rests[common] != null) {
                add(token, rests[common], tails);
            }
        }
    }

    private static void add(int token, int[] tail, Map<Integer, int[][]> tails) {
        int[][] known = tails.getOrDefault(token, new int[0][]);
        if (Arrays.stream(known).noneMatch(other -> Arrays.equals(other, tail))) {
            int[][] more = Arrays.copyOf(known, known.length + 1);
            more[known.length] = tail;
            tails.put(token, more);
        }
    }
}
