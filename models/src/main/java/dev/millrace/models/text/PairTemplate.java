package dev.millrace.models.text;

import java.util.stream.IntStream;

/**
 * How two texts become one input, with tokens around and between them.
 *
 * @param before  in front of the first text
 * @param between the texts
 * @param after   the second text
 * @param typed   whether the second text, and what is after it, is marked as such
 */
public record PairTemplate(int[] before, int[] between, int[] after, boolean typed) {

    /** Joins the tokens of two texts, which have nothing at their ends. */
    public EncoderInput join(int[] first, int[] second) {
        int[] tokens = IntStream.of(0, 1, 2, 3, 4).mapToObj(part -> switch (part) {
            case 0 -> before;
            case 1 -> first;
            case 2 -> between;
            case 3 -> second;
            default -> after;
        }).flatMapToInt(IntStream::of).toArray();
        return new EncoderInput(tokens, typed
                ? before.length + first.length + between.length
                : tokens.length);
    }
}
