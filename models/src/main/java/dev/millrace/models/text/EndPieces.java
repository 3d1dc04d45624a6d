package dev.millrace.models.text;

import java.util.Set;

/** Pieces that end a generation in whatever file they are found; many files name only one. */
public final class EndPieces {

    private static final Set<String> PIECES = Set.of("</s>", "<|im_end|>", "<|eot_id|>",
            "<|eom_id|>", "<|end|>", "<|endoftext|>", "<|end_of_text|>", "<end_of_turn>",
            "<|eot|>", "<|return|>", "<|call|>", "<turn|>",
            "<\uff5cend\u2581of\u2581sentence\uff5c>");

    private EndPieces() {}

    public static boolean contains(String piece) {
        return PIECES.contains(piece);
    }
}
