package dev.millrace.server.dialects;

import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.server.fixtures.LiveServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

class TokenRoutesTest {

    private static final LiveServer server = LiveServer.saying("x");
    private static final int A = FakeTokenizer.FIRST_BYTE + 'a';

    @AfterAll
    static void stop() {
        server.close();
    }

    private static String tokens(String body) throws Exception {
        return server.answer("/tokenize", body).get("tokens").toString();
    }

    @Test
    void eitherServersWordsAreUnderstood() throws Exception {
        assertThat(tokens("{\"content\":\"a\"}")).isEqualTo("[" + A + "]");
        assertThat(tokens("{\"content\":\"a\",\"add_special\":true}")).isEqualTo("[0," + A + "]");
        assertThat(tokens("{\"content\":\"</s>a\"}")).isEqualTo("[1," + A + "]");
        assertThat(tokens("{\"content\":\"</s>\",\"parse_special\":false}"))
                .isNotEqualTo("[1]");
        assertThat(tokens("{\"model\":\"scripted\",\"prompt\":\"a\"}"))
                .isEqualTo("[0," + A + "]");
        JsonNode all = server.answer("/tokenize", "{\"model\":\"scripted\",\"prompt\":\"a\","
                + "\"add_special_tokens\":false,\"return_token_strs\":true}");
        assertThat(all.get("count").intValue()).isOne();
        assertThat(all.get("max_model_len").intValue()).isEqualTo(LiveServer.CONTEXT_TOKENS);
        assertThat(all.at("/token_strs/0").stringValue()).isEqualTo("<0x61>");
    }

    @Test
    void piecesAreTextOrBytesThatAreNone() throws Exception {
        JsonNode pieces = server.answer("/tokenize",
                "{\"content\":\"a\u00eb\",\"with_pieces\":true}").get("tokens");

        assertThat(pieces.at("/0/piece").stringValue()).isEqualTo("a");
        assertThat(pieces.at("/1/piece").toString()).isEqualTo("[195]");
    }

    @Test
    void tokensBecomeTextAgain() throws Exception {
        String ids = tokens("{\"content\":\"Zo\u00eb\"}");

        JsonNode text = server.answer("/detokenize", "{\"tokens\":" + ids + "}");
        assertThat(text.get("content").stringValue()).isEqualTo("Zoë");
        assertThat(text.get("prompt").stringValue()).isEqualTo("Zoë");
    }

    @Test
    void aConversationIsSpelledAsItWouldBeForTheModel() throws Exception {
        String chat = "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]";

        assertThat(server.answer("/apply-template", "{" + chat + "}").get("prompt")
                .stringValue()).isEqualTo("<s>user:hi;assistant:");
        assertThat(server.answer("/tokenize", "{" + chat + "}").get("count").intValue())
                .isEqualTo(19);
        assertThat(server.meter().opened()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"/tokenize | {}", "/tokenize | {\"content\":5}",
        "/detokenize | {}", "/detokenize | {\"tokens\":[99999]}", "/apply-template | {}",
        "/tokenize | {\"model\":\"scripted-embedder\",\"prompt\":\"a\"}"})
    void whatIsNoTextIsRefused(String path, String body) throws Exception {
        assertThat(server.post(path, body).statusCode()).isEqualTo(400);
    }
}
