package dev.millrace.models.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The spans of a prompt as one text, which remembers who wrote what.
 *
 * @param utf8    well-formed
 * @param ends    where each run of equally trusted spans ends
 * @param trusted of each run
 */
record PromptText(byte[] utf8, int[] ends, boolean[] trusted) {

    /** Longest text to encode at once, in UTF-16 units: room for a million tokens. */
    static final int MAX_CHARACTERS = 1 << 22;

    /** @throws IllegalArgumentException if the text is longer than {@link #MAX_CHARACTERS} */
    static PromptText of(List<TextSpan> spans) {
        long characters = spans.stream().mapToLong(span -> span.text().length()).sum();
        if (characters > MAX_CHARACTERS) {
            throw new IllegalArgumentException("the text has " + characters
                    + " characters; at most " + MAX_CHARACTERS + " are encoded at once");
        }
        List<byte[]> runs = new ArrayList<>();
        List<Boolean> trusted = new ArrayList<>();
        for (int i = 0; i < spans.size();) {
            boolean trust = spans.get(i).trusted();
            int first = i;
            while (i < spans.size() && spans.get(i).trusted() == trust) {
                i++;
            }
            runs.add(Utf8.encode(joined(spans.subList(first, i))));
            trusted.add(trust);
        }
        byte[] utf8 = new byte[runs.stream().mapToInt(run -> run.length).sum()];
        int[] ends = new int[runs.size()];
        boolean[] trust = new boolean[runs.size()];
        int size = 0;
        for (int run = 0; run < ends.length; run++) {
            System.arraycopy(runs.get(run), 0, utf8, size, runs.get(run).length);
            size += runs.get(run).length;
            ends[run] = size;
            trust[run] = trusted.get(run);
        }
        return new PromptText(utf8, ends, trust);
    }

    private static String joined(List<TextSpan> spans) {
        if (spans.size() == 1) {
            return spans.getFirst().text();
        }
        StringBuilder joined = new StringBuilder();
        spans.forEach(span -> joined.append(span.text()));
        return joined.toString();
    }

    /** Whether everything between these positions was written by a template. */
    boolean isTrusted(int from, int to) {
        int run = Arrays.binarySearch(ends, from + 1);
        for (int i = run < 0 ? -run - 1 : run; i < ends.length; i++) {
            if (!trusted[i]) {
                return false;
            }
            if (ends[i] >= to) {
                return true;
            }
        }
        return true;
    }
}
