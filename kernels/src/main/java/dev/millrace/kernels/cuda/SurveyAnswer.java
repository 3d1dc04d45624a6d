package dev.millrace.kernels.cuda;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The answer to one question, in host memory.
 *
 * @param words all answers
 */
public record SurveyAnswer(MemorySegment words, SurveyQuestion question) {

    /** Ints before the lists: the struct {@code Answer}. */
    static final int HEADER_WORDS = 10;

    /** Key of negative infinity, below which there is nothing that can be told. */
    private static final int LEAST_KEY = ~0xff800000;

    private int word(int index) {
        return words.getAtIndex(ValueLayout.JAVA_INT, (long) question.answer() + index);
    }

    private float number(int index) {
        return Float.intBitsToFloat(word(index));
    }

    private double sum(int index) {
        return words.get(ValueLayout.JAVA_DOUBLE,
                ((long) question.answer() + index) * Integer.BYTES);
    }

    /** Tokens that are told; -1 if they were more than there was room for. */
    public int count() {
        return Integer.compareUnsigned(word(0), question.room()) > 0 ? -1 : word(0);
    }

    /** The first token of the stretch; -1 if there is none. */
    public int stretch() {
        return word(1) < 0 ? -1 : word(1) * CudaSurvey.SEGMENT_TOKENS;
    }

    /** The largest logit, masked and edited; negative infinity if nothing is allowed. */
    public float max() {
        return number(2);
    }

    /**
     * All tokens that are not told have smaller logits; negative infinity if all that are allowed
     * are told.
     */
    public float below() {
        int key = word(3);
        return Integer.compareUnsigned(key, LEAST_KEY) <= 0
                ? Float.NEGATIVE_INFINITY
                : Float.intBitsToFloat(key < 0 ? key ^ Integer.MIN_VALUE : ~key);
    }

    /** Of the exponentials of all logits, counted from the largest and scaled. */
    public double total() {
        return sum(4);
    }

    /** Of the exponentials before the stretch. */
    public double before() {
        return sum(6);
    }

    /** Tokens with larger logits than the target's. */
    public int likelier() {
        return word(8);
    }

    /** The target's logit. */
    public float target() {
        return number(9);
    }

    /** One of the likeliest, which come in no order. */
    public int token(int index) {
        return word(HEADER_WORDS + index);
    }

    public float logit(int index) {
        return number(HEADER_WORDS + question.room() + index);
    }

    /** Before it was edited. */
    public float raw(int index) {
        return question.raws()
                ? number(HEADER_WORDS + 2 * question.room() + index)
                : logit(index);
    }

    /** Of the so-many-th token of the stretch. */
    public float stretchLogit(int index) {
        return number(HEADER_WORDS + (question.raws() ? 3 : 2) * question.room() + index);
    }

    /** Before it was edited. */
    public float stretchRaw(int index) {
        return question.raws()
                ? number(HEADER_WORDS + 3 * question.room() + CudaSurvey.SEGMENT_TOKENS + index)
                : stretchLogit(index);
    }
}
