package dev.millrace.server.embeddings;

import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.engine.fixtures.ScriptedEncoder;
import dev.millrace.models.text.EncoderInput;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** The vectors that the scripted models make, and those of an answer. */
final class ScriptedVectors {

    private ScriptedVectors() {}

    /** What a text becomes. */
    static float[] of(String text) {
        return new ScriptedEncoder()
                .encode(List.of(EncoderInput.of(new FakeTokenizer().encode(text, true))))[0];
    }

    /** The vector of that index in an answer of OpenAI's form. */
    static float[] in(JsonNode answer, int index) {
        return in(answer.at("/data/" + index + "/embedding"));
    }

    /** A list of numbers. */
    static float[] in(JsonNode numbers) {
        float[] vector = new float[numbers.size()];
        for (int i = 0; i < vector.length; i++) {
            vector[i] = numbers.get(i).floatValue();
        }
        return vector;
    }
}
