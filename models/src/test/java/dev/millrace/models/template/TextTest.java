package dev.millrace.models.template;

import dev.millrace.models.text.TextSpan;
import java.time.Clock;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class TextTest {

    private static final long SEED = 7;

    /** The trust of every character, as a slow but obvious model. */
    private record Model(String characters, String trust) {

        Model plus(Model other) {
            return new Model(characters + other.characters, trust + other.trust);
        }

        Model part(int from, int to) {
            return new Model(characters.substring(from, to), trust.substring(from, to));
        }

        static Model of(Text text) {
            StringBuilder trust = new StringBuilder();
            for (TextSpan span : text.spans()) {
                trust.append((span.trusted() ? "t" : "u").repeat(span.text().length()));
            }
            return new Model(text.value(), trust.toString());
        }
    }

    @Test
    void joiningAndCuttingKeepTheTrustOfEveryCharacter() {
        Random random = new Random(SEED);
        for (int round = 0; round < 2000; round++) {
            TextBuilder builder = new TextBuilder(new Rendering(Clock.systemUTC()));
            Model model = new Model("", "");
            for (int part = random.nextInt(6); part > 0; part--) {
                Text text = randomText(random);
                int from = random.nextInt(text.length() + 1);
                int to = from + random.nextInt(text.length() - from + 1);
                builder.append(text.substring(from, to));
                model = model.plus(Model.of(text).part(from, to));
            }
            Text joined = builder.toText();
            int from = random.nextInt(joined.length() + 1);
            int to = from + random.nextInt(joined.length() - from + 1);

            assertThat(Model.of(joined)).as("seed %d, round %d", SEED, round).isEqualTo(model);
            assertThat(Model.of(joined.substring(from, to))).isEqualTo(model.part(from, to));
            assertThat(joined.trustedThroughout()).isEqualTo(!model.trust().contains("u"));
        }
    }

    private static Text randomText(Random random) {
        TextBuilder builder = new TextBuilder(new Rendering(Clock.systemUTC()));
        for (int part = random.nextInt(5); part > 0; part--) {
            builder.append(Text.of("abcdef".substring(0, random.nextInt(4)), random.nextBoolean()));
        }
        return builder.toText();
    }

    @Test
    void spansOfEqualTrustNeverMeet() {
        Text text = new TextBuilder(new Rendering(Clock.systemUTC())).append("a").append(Text.EMPTY)
                .append(Text.trusted("b")).append(Text.untrusted("c")).append(Text.untrusted("d"))
                .toText();

        assertThat(text.spans()).containsExactly(new TextSpan("ab", true),
                new TextSpan("cd", false));
    }

    @Test
    void trustDoesNotMakeTextsDiffer() {
        assertThat(Text.trusted("a")).isEqualTo(Text.untrusted("a"))
                .hasSameHashCodeAs(Text.untrusted("a"));
    }

    @Test
    void whatIsMadeOfMixedTextIsNotTrusted() {
        Text mixed = new TextBuilder(new Rendering(Clock.systemUTC())).append("a")
                .append(Text.untrusted("b"))
                .toText();

        assertThat(mixed.changedTo("AB").spans()).isEqualTo(List.of(new TextSpan("AB", false)));
    }
}
