package dev.millrace.server.dialogue;

import java.util.List;
import java.util.Optional;

/** What a model's thoughts stand between. */
public record ThinkingMarkers(String open, String close) {

    /** Of OpenAI's harmony format. */
    static final ThinkingMarkers HARMONY = new ThinkingMarkers("<|channel|>analysis<|message|>",
            "<|end|>");

    private static final List<ThinkingMarkers> KNOWN = List.of(
            new ThinkingMarkers("<think>", "</think>"),
            new ThinkingMarkers("[THINK]", "[/THINK]"),
            new ThinkingMarkers("<seed:think>", "</seed:think>"));

    /** The markers that a chat template speaks of. */
    static Optional<ThinkingMarkers> detect(String template) {
        return KNOWN.stream().filter(markers -> template.contains(markers.open)
                || template.contains(markers.close)).findFirst();
    }
}
