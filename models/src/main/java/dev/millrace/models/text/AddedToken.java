package dev.millrace.models.text;

import java.util.Objects;

/**
 * A token that is looked for in the text before anything else.
 *
 * @param special     whether it means something that only the template may say; else it is looked
 *                    for in users' text as well, unless it is spelled as a marker
 * @param normalized  whether it is looked for after the text was normalised
 * @param stripsLeft  whether it takes the white space before it along
 * @param stripsRight whether it takes the white space after it along
 * @param singleWord  whether it counts only where no letter, digit or underscore touches it
 */
public record AddedToken(int token, String content, boolean special, boolean normalized,
        boolean stripsLeft, boolean stripsRight, boolean singleWord) {

    public AddedToken {
        Objects.requireNonNull(content, "content");
    }

    /** A token without further conditions. */
    public AddedToken(int token, String content, boolean special) {
        this(token, content, special, false, false, false, false);
    }

    /** Whether it is looked for in what users write. */
    boolean isForEverybody() {
        boolean marker = content.startsWith("<|") || content.endsWith("|>")
                || content.startsWith("<\uff5c") || content.endsWith("\uff5c>");
        return !special && !marker;
    }
}
