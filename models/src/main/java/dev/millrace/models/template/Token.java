package dev.millrace.models.template;

/**
 * A token of a template.
 *
 * @param text the characters; of a string, what it stands for
 * @param line counted from 1
 */
record Token(Kind kind, String text, int line) {

    enum Kind {
        /** Text between tags. */
        TEXT,
        /** <code>{{</code>. */
        OUTPUT_START,
        /** <code>{%</code>. */
        STATEMENT_START,
        /** The end of either. */
        TAG_END,
        NAME,
        STRING,
        INTEGER,
        FLOAT,
        OPERATOR,
        /** The end of the template. */
        END
    }

    boolean is(Kind wanted, String wantedText) {
        return kind == wanted && text.equals(wantedText);
    }

    /** For error messages. */
    String describe() {
        return switch (kind) {
            case END -> "the end of the template";
            case TAG_END -> "the end of the tag";
            case TEXT -> "text";
            default -> "'" + text + "'";
        };
    }
}
