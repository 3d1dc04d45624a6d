package dev.millrace.models.text;

import java.util.List;

/** Rewrites a stretch of text before it is cut into pieces; keeps no state. */
public interface TextNormalizer {

    /** Leaves everything as it is. */
    TextNormalizer NONE = (text, atStart) -> text;

    /**
     * Rewrites a text.
     *
     * @param text    well-formed UTF-8, not to be changed; may be returned itself
     * @param atStart whether the prompt begins with it
     */
    byte[] apply(byte[] text, boolean atStart);

    /** One after the other. */
    static TextNormalizer sequence(List<TextNormalizer> steps) {
        List<TextNormalizer> kept = steps.stream().filter(step -> step != NONE).toList();
        return switch (kept.size()) {
            case 0 -> NONE;
            case 1 -> kept.getFirst();
            default -> (text, atStart) -> {
                byte[] result = text;
                for (TextNormalizer step : kept) {
                    result = step.apply(result, atStart);
                }
                return result;
            };
        };
    }
}
