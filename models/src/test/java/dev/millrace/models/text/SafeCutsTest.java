package dev.millrace.models.text;

import dev.millrace.models.text.Vocabulary.Kind;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class SafeCutsTest {

    private static final String[] LETTERS = {"a", "b", "\u2581", "\u00e9"};

    private static Vocabulary vocabulary(List<String> pieces) {
        Kind[] kinds = new Kind[pieces.size()];
        Arrays.fill(kinds, Kind.NORMAL);
        return new Vocabulary(pieces.stream().map(piece -> piece.getBytes(StandardCharsets.UTF_8))
                .toArray(byte[][]::new), new float[kinds.length], kinds);
    }

    private static int[] whole(Vocabulary vocabulary, MergeList merges, String text) {
        PairMerger merger = new PairMerger(merges.table());
        merger.begin(text.length());
        text.codePoints().forEach(character -> {
            byte[] letter = Character.toString(character).getBytes(StandardCharsets.UTF_8);
            merger.add(vocabulary.find(letter, 0, letter.length));
        });
        TokenBuffer out = new TokenBuffer();
        merger.finish(out);
        return out.toArray();
    }

    @Test
    void cutsChangeNoToken() {
        SplittableRandom random = new SplittableRandom(21);
        for (int round = 0; round < 500; round++) {
            List<String> pieces = new ArrayList<>(List.of(LETTERS));
            List<String[]> pairs = new ArrayList<>();
            for (int i = 0; i < 25; i++) {
                String left = pieces.get(random.nextInt(pieces.size()));
                String right = pieces.get(random.nextInt(pieces.size()));
                if (!pieces.contains(left + right)) {
                    pieces.add(left + right);
                    pairs.add(new String[]{left, right});
                }
            }
            Vocabulary vocabulary = vocabulary(pieces);
            MergeList merges = new MergeList(vocabulary, pairs.size());
            pairs.forEach(pair -> merges.add(pair[0].getBytes(StandardCharsets.UTF_8),
                    pair[1].getBytes(StandardCharsets.UTF_8)));
            BytePairModel model = new BytePairModel(vocabulary, merges,
                    new BytePairModel.Options(false, true, false, -1, false));
            StringBuilder text = new StringBuilder();
            random.ints(random.nextInt(1, 200), 0, LETTERS.length)
                    .forEach(letter -> text.append(LETTERS[letter]));
            byte[] utf8 = text.toString().getBytes(StandardCharsets.UTF_8);
            TokenBuffer out = new TokenBuffer();
            model.encoder(out).encode(utf8, 0, utf8.length);
            assertThat(out.toArray()).isEqualTo(whole(vocabulary, merges, text.toString()));
        }
    }

    @Test
    void cutsBeforeSpacesButNotWithinRunsOrWherePiecesJoin() {
        SafeCuts cuts = new SafeCuts(vocabulary(List.of("a", "b", "\u2581", "b\u2581a")));
        byte[] text = "a\u2581\u2581ab\u2581a\u2581".getBytes(StandardCharsets.UTF_8);
        List<Integer> ends = new ArrayList<>();
        for (int at = 0; at < text.length;) {
            at = cuts.next(text, at, text.length);
            ends.add(at);
        }
        assertThat(ends).containsExactly(1, 13, 16);
    }
}
