package dev.millrace.models.text.split;

/** Sets every three ASCII digits in a row apart: {@code [0-9][0-9][0-9]}, as Falcon does. */
final class DigitTripleSplit implements SplitRule {

    private static final int DIGITS = 3;

    @Override
    public int end(byte[] text, int from, int limit) {
        int digits = 0;
        for (int at = from; at < limit; at++) {
            digits = text[at] >= '0' && text[at] <= '9' ? digits + 1 : 0;
            if (digits == DIGITS) {
                // The triple is a piece of its own; what is before it, another.
                return at - from == DIGITS - 1 ? at + 1 : at + 1 - DIGITS;
            }
        }
        return limit;
    }
}
