package dev.millrace.kernels.cuda;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What is asked of one row of logits, as the kernels of {@link CudaSurvey} read it.
 *
 * @param row        of the logits
 * @param mask       first word of a mask, a bit per token that is allowed; -1 for none
 * @param edits      first word of what happens to single logits
 * @param ends       where each of the five kinds of edits ends; borrowed
 * @param repetition what logits of the third kind are divided by
 * @param scale      of differences of logits before they are exponentiated
 * @param wanted     of the likeliest tokens, at least; 0 for none
 * @param room       most tokens that can be told
 * @param answer     first word of the answer, even
 * @param stretch    whether the tokens among which the draw falls are told
 * @param raws       whether the told tokens' logits before the edits are told too
 * @param target     a token whose logit and rank are told; -1 for none
 * @param uniform    where in the distribution the draw falls, in [0, 1)
 */
public record SurveyQuestion(int row, int mask, int edits, int[] ends, float repetition,
        float scale, int wanted, int room, int answer, boolean stretch, boolean raws, int target,
        double uniform) {

    /** Of one question on the device. */
    public static final int BYTES = 72;
    /** Kinds of edits: a bias, banned, said before, a repeated run, an end held back. */
    public static final int EDIT_KINDS = 5;
    /** Ints of one edit: the token, a value, and room for what the logit was. */
    public static final int EDIT_WORDS = 3;

    private static final int STRETCH = 1;
    private static final int RAWS = 2;

    /** Ints that the answer takes, an even number. */
    public int answerWords() {
        int lists = raws ? 3 : 2;
        int stretches = !stretch ? 0 : raws ? 2 : 1;
        int words = SurveyAnswer.HEADER_WORDS + lists * room
                + stretches * CudaSurvey.SEGMENT_TOKENS;
        return words + (words & 1);
    }

    /** Writes the struct {@code Question}. */
    public void write(MemorySegment target, long offset) {
        int[] first = {row, mask, edits, ends[0], ends[1], ends[2], ends[3], ends[4],
            Float.floatToRawIntBits(repetition), Float.floatToRawIntBits(scale), wanted, room,
            answer, (stretch ? STRETCH : 0) | (raws ? RAWS : 0), this.target, 0};
        MemorySegment.copy(first, 0, target, ValueLayout.JAVA_INT, offset, first.length);
        target.set(ValueLayout.JAVA_DOUBLE, offset + (long) first.length * Integer.BYTES, uniform);
    }
}
