package dev.millrace.server.openai.model;

import dev.millrace.engine.Vocabulary;
import dev.millrace.server.dialogue.TurnFormat;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/**
 * What reading requests for one model needs to know and remember. Its adapters share it.
 *
 * @param format    how the model spells turns; null where it has no chat template
 * @param texts     constraints of plain text
 * @param turns     constraints of turns, in which control tokens count as their texts
 */
public record ChatModel(TurnFormat format, ConstraintCache texts, ConstraintCache turns) {

    public static ChatModel of(ServedModel model) {
        Vocabulary vocabulary = Vocabulary.of(model.tokenizer(), model.spec().vocabularySize());
        ConstraintCache texts = new ConstraintCache(vocabulary);
        TurnFormat format = model.chatTemplate()
                .map(template -> new TurnFormat(template, model.tokenizer(), model.toolFormat()))
                .orElse(null);
        return new ChatModel(format, texts, format == null || format.markers().isEmpty()
                ? texts
                : new ConstraintCache(withMarkers(vocabulary, format.markers())));
    }

    private static Vocabulary withMarkers(Vocabulary vocabulary, Map<Integer, String> markers) {
        Map<Integer, byte[]> shown = new HashMap<>();
        markers.forEach((token, text) -> shown.put(token, text.getBytes(StandardCharsets.UTF_8)));
        return new Vocabulary() {

            @Override
            public int size() {
                return vocabulary.size();
            }

            @Override
            public byte[] bytes(int token) {
                byte[] marker = shown.get(token);
                return marker == null ? vocabulary.bytes(token) : marker;
            }

            @Override
            public boolean endsGeneration(int token) {
                return vocabulary.endsGeneration(token);
            }
        };
    }
}
