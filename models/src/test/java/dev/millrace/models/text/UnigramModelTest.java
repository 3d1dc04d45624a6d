package dev.millrace.models.text;

import dev.millrace.models.text.Vocabulary.Kind;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

class UnigramModelTest {

    private static final String LETTERS = "ab\u00e9";

    private static String randomWord(SplittableRandom random, int most) {
        StringBuilder word = new StringBuilder();
        for (int i = random.nextInt(1, most + 1); i > 0; i--) {
            word.append(LETTERS.charAt(random.nextInt(LETTERS.length())));
        }
        return word.toString();
    }

    private static Vocabulary vocabulary(String[] pieces, double[] scores) {
        byte[][] bytes = new byte[pieces.length][];
        Kind[] kinds = new Kind[pieces.length];
        float[] plain = new float[pieces.length];
        for (int i = 0; i < pieces.length; i++) {
            bytes[i] = pieces[i].getBytes(StandardCharsets.UTF_8);
            kinds[i] = i == 0 ? Kind.UNKNOWN : Kind.NORMAL;
            plain[i] = (float) scores[i];
        }
        return new Vocabulary(bytes, plain, kinds);
    }

    private static int[] encode(UnigramModel model, String text) {
        TokenBuffer out = new TokenBuffer();
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        model.encoder(out).encode(utf8, 0, utf8.length);
        return out.toArray();
    }

    /** The best sum of all ways to spell a text, by trying them all. */
    private static double best(String text, String[] pieces, double[] scores, double unknown) {
        if (text.isEmpty()) {
            return 0;
        }
        double best = Double.NEGATIVE_INFINITY;
        boolean spelled = false;
        for (int i = 1; i < pieces.length; i++) {
            if (text.startsWith(pieces[i])) {
                spelled |= pieces[i].length() == 1;
                best = Math.max(best, scores[i]
                        + best(text.substring(pieces[i].length()), pieces, scores, unknown));
            }
        }
        return spelled
                ? best
                : Math.max(best, unknown + best(text.substring(1), pieces, scores, unknown));
    }

    @Test
    void findsTheBestOfAllSpellings() {
        SplittableRandom random = new SplittableRandom(11);
        for (int round = 0; round < 200; round++) {
            TreeSet<String> words = new TreeSet<>();
            for (int i = 0; i < 8; i++) {
                words.add(randomWord(random, 3));
            }
            String[] pieces = new String[words.size() + 1];
            pieces[0] = "<unk>";
            int next = 1;
            for (String word : words) {
                pieces[next++] = word;
            }
            double[] scores = new double[pieces.length];
            Arrays.setAll(scores, i -> i == 0 ? 0 : -random.nextDouble(10));
            double unknown = Arrays.stream(scores).min().orElseThrow() - 10;
            String text = randomWord(random, 9);
            int[] tokens = encode(new UnigramModel(vocabulary(pieces, scores), scores, 0, false),
                    text);
            if (Arrays.stream(tokens).noneMatch(token -> token == 0)) {
                double sum = Arrays.stream(tokens).mapToDouble(token -> scores[token]).sum();
                assertThat(sum).isCloseTo(best(text, pieces, scores, unknown), within(1e-9));
                StringBuilder spelled = new StringBuilder();
                Arrays.stream(tokens).forEach(token -> spelled.append(pieces[token]));
                assertThat(spelled.toString()).isEqualTo(text);
            } else {
                assertThat(best(text, pieces, scores, unknown)).isLessThan(unknown + 1e-9);
            }
        }
    }

    @Test
    void joinsUnknownCharactersAndCountsThemWorstOfAll() {
        String[] pieces = {"<unk>", "a", "b", "ab"};
        UnigramModel model = new UnigramModel(vocabulary(pieces, new double[]{0, -1, -2, -9}),
                new double[]{0, -1, -2, -9}, 0, false);
        assertThat(encode(model, "abxyza")).containsExactly(1, 2, 0, 1);
        assertThat(encode(model, "")).isEmpty();
    }

    @Test
    void takesAMillionCharactersInTime() {
        String[] pieces = {"<unk>", "a", "aa", "aaa"};
        double[] scores = {0, -3, -4, -6.5};
        int[] tokens = encode(new UnigramModel(vocabulary(pieces, scores), scores, 0, false),
                "a".repeat(1 << 20));
        assertThat(tokens).hasSize(1 << 19).containsOnly(2);
    }
}
