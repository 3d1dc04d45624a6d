package dev.millrace.models.text;

import java.util.HashSet;
import java.util.Set;
import java.util.function.Predicate;

/** Pieces that end a generation in whatever file they are found; many files name only one. */
public final class EndPieces {

    private static final String HARMONY_MESSAGE_END = "<|end|>";
    private static final Set<String> PIECES = Set.of("</s>", "<|im_end|>", "<|eot_id|>",
            "<|eom_id|>", HARMONY_MESSAGE_END, "<|endoftext|>", "<|end_of_text|>", "<end_of_turn>",
            "<turn|>", "<|return|>", "<|call|>",
            "<\uff5cend\u2581of\u2581sentence\uff5c>");

    private EndPieces() {}

    /** Those of them that a vocabulary has. */
    public static Set<String> among(Predicate<String> vocabulary) {
        Set<String> found = new HashSet<>(PIECES);
        found.removeIf(vocabulary.negate());
        // In GPT-OSS's format the message ends there, but not the turn.
        if (found.contains("<|return|>") && found.contains("<|call|>")) {
            found.remove(HARMONY_MESSAGE_END);
        }
        return found;
    }
}
