package dev.millrace.server.dialogue;

import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

/** Turns in the harmony format: {@code @name} stands for {@code <|name|>}. */
class HarmonyParserTest {

    private static String read(List<String> pieces) {
        return TurnTexts.read(new HarmonyParser(Set.of("f")), pieces);
    }

    private static String tags(String text) {
        return text.replaceAll("@(channel|message|constrain|start|end|call|return)", "<|$1|>");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '!', quoteCharacter = '`', value = {
        "@channelanalysis@message hm. @end@startassistant@channelfinal@messageYes "
                + "! thought  hm. |content Yes",
        "@channelfinal@messageYes < no@return ! content Yes < no",
        "@channelfinal @constrainjson@message{} ! content {}",
        "@channelcommentary@messageOh.@end@startassistant@channelcommentary to=functions.f"
                + " @constrainjson@message{\"a\": [1]} ! content Oh.|call 0 f {\"a\": [1]} ended",
        " ` to=functions.f@channelcommentary json@message{}@call` ! call 0 f {} ended",
        "@channelanalysis@messagea@end@startassistant@channelanalysis@messageb ! thought ab",
        "@channelcommentary to=functions.f@message{\"a ! call 0 f {\"a", "Yes ! content Yes",
        "@channelcommentary to=functions.f@message{\"a@end "
                + "! call 0 f {\"a broken @channelcommentary to=functions.f@message{\"a",
        "@channelcommentary to=functions.f@message{\"a\" 1} ! call 0 f {\"a\"  broken "
                + "@channelcommentary to=functions.f@message{\"a\" |content 1}",
        "@channelcommentary to=functions.g@message{} "
                + "! content @channelcommentary to=functions.g@message{}",
        "@channelother@messagex ! content @channelother@messagex",
        "a <b> @messagec ! content a <b> @messagec"})
    void aTurnIsMessages(String text, String expected) {
        String turn = tags(text);

        assertThat(read(List.of(turn))).isEqualTo(tags(expected));
        for (int at = 0; at <= turn.length(); at++) {
            assertThat(read(List.of(turn.substring(0, at), turn.substring(at))))
                    .isEqualTo(tags(expected));
        }
    }

    @Test
    void randomTextsReadTheSameHoweverTheyAreCut() {
        String[] parts = {"@channel", "@message", "@end", "@start", "assistant", "analysis",
            "final",
            "commentary", " to=functions.f", "{\"a\": 1}", "{", "x", "<", "<|", " ", "@constrain",
            "json"};
        Random random = new Random(9);
        for (int round = 0; round < 1000; round++) {
            StringBuilder text = new StringBuilder();
            for (int part = random.nextInt(14); part >= 0; part--) {
                text.append(parts[random.nextInt(parts.length)]);
            }
            String turn = tags(text.toString());

            assertThat(read(TurnTexts.cut(turn, random))).as(turn).isEqualTo(read(List.of(turn)));
        }
    }
}
