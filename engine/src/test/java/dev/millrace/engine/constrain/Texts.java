package dev.millrace.engine.constrain;

import dev.millrace.engine.Vocabulary;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.SplittableRandom;

/** What a constraint makes of whole texts. */
final class Texts {

    static final TokenTrie BYTES = new TokenTrie(ByteVocabulary.with());

    private Texts() {}

    static boolean accepts(Expression expression, String text) {
        return accepts(Grammar.of(expression), text);
    }

    static boolean accepts(Grammar grammar, String text) {
        return accepts(TokenConstraint.compile(grammar, BYTES), text);
    }

    /** @param constraint over {@link #BYTES} */
    static boolean accepts(TokenConstraint constraint, String text) {
        ConstraintMatcher matcher = constraint.start();
        for (byte value : text.getBytes(StandardCharsets.UTF_8)) {
            try {
                matcher.accept(value & 0xFF);
            } catch (ConstraintException refused) {
                return false;
            }
        }
        return matcher.mayEnd();
    }

    static boolean isSet(long[] mask, int token) {
        return (mask[token >> 6] >>> token & 1) != 0;
    }

    /** A text of tokens drawn at random under the masks; empty if it does not end in time. */
    static Optional<String> random(TokenConstraint constraint, Vocabulary vocabulary,
            SplittableRandom random, int mostTokens) {
        ConstraintMatcher matcher = constraint.start();
        long[] mask = new long[matcher.maskWords()];
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        for (int i = 0; i < mostTokens && !matcher.isComplete(); i++) {
            matcher.fillMask(mask);
            int token = draw(mask, vocabulary, matcher.mayEnd() && random.nextInt(4) == 0, random);
            matcher.accept(token);
            text.writeBytes(vocabulary.bytes(token));
        }
        return matcher.isComplete()
                ? Optional.of(text.toString(StandardCharsets.UTF_8))
                : Optional.empty();
    }

    /** Any set bit; the one that ends the text if that is wanted. */
    private static int draw(long[] mask, Vocabulary vocabulary, boolean end,
            SplittableRandom random) {
        int count = 0;
        for (long word : mask) {
            count += Long.bitCount(word);
        }
        int chosen = random.nextInt(count);
        int drawn = -1;
        for (int token = 0; token < vocabulary.size(); token++) {
            if (isSet(mask, token)) {
                if (end && vocabulary.endsGeneration(token)) {
                    return token;
                }
                if (chosen-- == 0) {
                    drawn = token;
                }
            }
        }
        return drawn;
    }
}
