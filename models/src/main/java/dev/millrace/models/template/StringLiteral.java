package dev.millrace.models.template;

/** A quoted string of a template, with Python's escapes resolved. */
final class StringLiteral {

    private final Source source;
    private final String text;
    private final StringBuilder value = new StringBuilder();
    private int position;

    /** @param start where the opening quote stands */
    StringLiteral(Source source, int start) {
        this.source = source;
        this.text = source.text();
        char quote = text.charAt(start);
        position = start + 1;
        while (position < text.length() && text.charAt(position) != quote) {
            char c = text.charAt(position++);
            if (c == '\\' && position < text.length()) {
                escape(text.charAt(position++));
            } else {
                value.append(c);
            }
        }
        if (position >= text.length()) {
            throw source.error(start, "a string does not end; close it with " + quote);
        }
        position++;
    }

    String value() {
        return value.toString();
    }

    /** The position after the closing quote. */
    int end() {
        return position;
    }

    private void escape(char c) {
        switch (c) {
            case '\n' -> {
                // Python joins the lines.
            }
            case '\\', '\'', '"' -> value.append(c);
            case 'n' -> value.append('\n');
            case 't' -> value.append('\t');
            case 'r' -> value.append('\r');
            case 'a' -> value.append('\u0007');
            case 'b' -> value.append('\b');
            case 'f' -> value.append('\f');
            case 'v' -> value.append('\u000b');
            case 'x' -> hexadecimal(2);
            case 'u' -> hexadecimal(4);
            case 'U' -> hexadecimal(8);
            case 'N' ->
                throw source.error(position, "\\N{...} in a string is not supported; use \\u");
            case '0', '1', '2', '3', '4', '5', '6', '7' -> octal();
            default -> value.append('\\').append(c);
        }
    }

    private void hexadecimal(int digits) {
        int end = position + digits;
        if (end > text.length() || !text.substring(position, end).matches("[0-9a-fA-F]+")) {
            throw source.error(position,
                    "an escape in a string needs " + digits + " hexadecimal digits");
        }
        long codePoint = Long.parseLong(text, position, end, 16);
        if (codePoint > Character.MAX_CODE_POINT) {
            throw source.error(position, "an escape in a string is beyond U+10FFFF");
        }
        value.appendCodePoint((int) codePoint);
        position = end;
    }

    private void octal() {
        int start = position - 1;
        while (position < start + 3 && position < text.length()
                && "01234567".indexOf(text.charAt(position)) >= 0) {
            position++;
        }
        value.append((char) Integer.parseInt(text, start, position, 8));
    }
}
