package dev.millrace.engine.forward;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * Where repeated runs end: texts such as a line's end, spelled in tokens. A text may be within one
 * token, or begin in a token's last bytes and go on in the tokens after it.
 */
public final class SequenceBreakers {

    public static final SequenceBreakers NONE = new SequenceBreakers(Map.of());

    /** Not at this place. */
    static final int NOWHERE = -1;

    private final int[] heads; // sorted
    private final int[][][] tails; // (heads): what may follow each; empty for nothing more

    /** @param tailsOfHeads for each token that begins a breaker, what must follow it */
    public SequenceBreakers(Map<Integer, int[][]> tailsOfHeads) {
        Map<Integer, int[][]> sorted = new TreeMap<>(tailsOfHeads);
        heads = sorted.keySet().stream().mapToInt(Integer::intValue).toArray();
        tails = sorted.values().toArray(int[][][]::new);
    }

    /** Whether the token is a breaker all by itself. */
    boolean breaksAlone(int token) {
        int place = Arrays.binarySearch(heads, token);
        if (place >= 0) {
            for (int[] tail : tails[place]) {
                if (tail.length == 0) {
                    return true;
                }
            }
        }
        return false;
    }

    /**
     * How many tokens after {@code newestFirst[index]} belong to the longest breaker that begins
     * there, or {@link #NOWHERE}.
     */
    int reach(int[] newestFirst, int index) {
        int place = Arrays.binarySearch(heads, newestFirst[index]);
        int longest = NOWHERE;
        if (place >= 0) {
            for (int[] tail : tails[place]) {
                if (tail.length > longest && follows(newestFirst, index, tail)) {
                    longest = tail.length;
                }
            }
        }
        return longest;
    }

    private static boolean follows(int[] newestFirst, int index, int[] tail) {
        if (tail.length > index) {
            return false;
        }
        for (int i = 0; i < tail.length; i++) {
            if (newestFirst[index - 1 - i] != tail[i]) {
                return false;
            }
        }
        return true;
    }
}
