package dev.millrace.models.template;

import java.time.Clock;

/** What one rendering has used so far, where it is, and which clock it reads. */
final class Rendering {

    private final Clock clock;
    private long stepsLeft = TemplateLimits.STEPS;
    private long copiedCharsLeft = TemplateLimits.COPIED_CHARS;
    private int depth;
    private int line = 1;

    Rendering(Clock clock) {
        this.clock = clock;
    }

    Clock clock() {
        return clock;
    }

    /** The line of the statement that runs; errors name it. */
    int line() {
        return line;
    }

    void at(int statementLine) {
        line = statementLine;
    }

    /** Goes one level deeper. There is no leaving on failure: no template can catch one. */
    void enter() {
        charge(1);
        if (++depth > TemplateLimits.DEPTH) {
            throw new EvaluationException("evaluation is nested more than " + TemplateLimits.DEPTH
                    + " levels deep; is there a recursion without end?");
        }
    }

    void leave() {
        depth--;
    }

    void charge(long steps) {
        stepsLeft -= steps;
        if (stepsLeft < 0) {
            throw new EvaluationException("the template took more than " + TemplateLimits.STEPS
                    + " steps; does one of its loops end too late?");
        }
    }

    /** Pays for copying text, and refuses a text that would be too long. */
    void chargeText(long chars) {
        checkText(chars);
        copiedCharsLeft -= chars;
        if (copiedCharsLeft < 0) {
            throw new EvaluationException(
                    "the template copied more than " + TemplateLimits.COPIED_CHARS
                            + " characters; does it build its text again and again in a loop?");
        }
    }

    /** Refuses a text that would be too long. */
    void checkText(long chars) {
        if (chars > TemplateLimits.TEXT_CHARS) {
            throw new EvaluationException("a text of " + chars + " characters is over the limit of "
                    + TemplateLimits.TEXT_CHARS);
        }
    }

    /** Pays for comparing texts of which the shorter has so many characters. */
    void chargeComparison(int chars) {
        charge(1 + chars / TemplateLimits.CHARS_PER_STEP);
    }

    /** Pays for looking for a text in another: in the worst case the product of the lengths. */
    void chargeSearch(String text, String wanted) {
        charge((long) text.length() * (1 + wanted.length() / 4) / TemplateLimits.CHARS_PER_STEP);
    }

    /** Pays for a list, and refuses one that would be too long. */
    void chargeItems(long items) {
        if (items > TemplateLimits.LIST_ITEMS) {
            throw new EvaluationException("a list of " + items + " items is over the limit of "
                    + TemplateLimits.LIST_ITEMS);
        }
        charge(items);
    }
}
