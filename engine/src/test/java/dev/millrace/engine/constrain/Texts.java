package dev.millrace.engine.constrain;

import dev.millrace.engine.Vocabulary;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.SplittableRandom;

/** What a constraint makes of whole texts. */
public final class Texts {

    public static final TokenTrie BYTES = new TokenTrie(ByteVocabulary.with());

    private Texts() {}

    public static boolean accepts(Expression expression, String text) {
        return accepts(Grammar.of(expression), text);
    }

    public static boolean accepts(Grammar grammar, String text) {
        return accepts(TokenConstraint.compile(grammar, BYTES), text);
    }

    /** @param constraint over {@link #BYTES} */
    public static boolean accepts(TokenConstraint constraint, String text) {
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

    public static boolean isSet(long[] mask, int token) {
        return (mask[token >> 6] >>> token & 1) != 0;
    }

    /** A text of tokens drawn at random under the masks; empty if it does not end in time. */
    public static Optional<String> random(TokenConstraint constraint, Vocabulary vocabulary,
            SplittableRandom random, int mostTokens) {
        ConstraintMatcher matcher = constraint.start();
        long[] mask = new long[matcher.maskWords()];
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        for (int i = 0; i < mostTokens && !matcher.isComplete(); i++) {
            matcher.fillMask(mask);
            int token = draw(mask, vocabulary, random.nextInt(3) == 0, random);
            matcher.accept(token);
            text.writeBytes(vocabulary.bytes(token));
        }
        return matcher.isComplete()
                ? Optional.of(text.toString(StandardCharsets.UTF_8))
                : Optional.empty();
    }

    /** The next allowed token from anywhere; if so wanted, one that brings a text to its end. */
    private static int draw(long[] mask, Vocabulary vocabulary, boolean closing,
            SplittableRandom random) {
        int from = random.nextInt(vocabulary.size());
        int drawn = -1;
        for (int i = 0; i < vocabulary.size(); i++) {
            int token = (from + i) % vocabulary.size();
            if (isSet(mask, token)) {
                drawn = drawn < 0 ? token : drawn;
                byte[] bytes = vocabulary.bytes(token);
                if (!closing || bytes.length == 0 || "\"]},:".indexOf(bytes[0]) >= 0) {
                    return token;
                }
            }
        }
        return drawn;
    }
}
