package dev.millrace.models.text;

import java.util.Objects;

/**
 * A run of prompt text and whether it may contain special tokens.
 *
 * @param trusted true for the template's own text, false for what a user wrote
 */
public record TextSpan(String text, boolean trusted) {

    public TextSpan {
        Objects.requireNonNull(text, "text");
    }
}
