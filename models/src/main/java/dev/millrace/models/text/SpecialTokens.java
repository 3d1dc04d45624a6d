package dev.millrace.models.text;

import java.util.Optional;
import java.util.Set;

/**
 * The tokens that mean something to the engine; those that do not exist are -1.
 *
 * @param endTokens          tokens that end a generation
 * @param addsStart          whether a prompt begins with the start token
 * @param addsEnd            whether a whole text ends with the end token
 * @param stripsLeadingSpace whether encoding puts a space first that decoding takes away
 * @param pairs              how two texts become one, where the vocabulary's files say
 */
public record SpecialTokens(int startToken, int endToken, Set<Integer> endTokens, boolean addsStart,
        boolean addsEnd, boolean stripsLeadingSpace, Optional<PairTemplate> pairs) {

    public SpecialTokens {
        endTokens = Set.copyOf(endTokens);
    }

    /** Of a vocabulary for single texts. */
    public SpecialTokens(int startToken, int endToken, Set<Integer> endTokens, boolean addsStart,
            boolean addsEnd, boolean stripsLeadingSpace) {
        this(startToken, endToken, endTokens, addsStart, addsEnd, stripsLeadingSpace,
                Optional.empty());
    }
}
