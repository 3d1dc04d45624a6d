package dev.millrace.models.text;

import dev.millrace.models.text.split.CharacterTypes;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.Arrays;

/** The rewritings that tokenizer files can ask for. */
public final class TextNormalizers {

    /** How often a prefix is put: before every stretch of text, or before the prompt only. */
    public enum Prefix {
        ALWAYS,
        FIRST,
        NEVER
    }

    private TextNormalizers() {}

    /** Replaces a fixed text, which is not empty. */
    public static TextNormalizer replace(String pattern, String content) {
        byte[] from = Utf8.encode(pattern);
        byte[] to = Utf8.encode(content);
        return (text, atStart) -> replace(text, from, to);
    }

    /** Puts a text first, wherever there is any. */
    public static TextNormalizer prepend(String prefix) {
        byte[] first = Utf8.encode(prefix);
        return (text, atStart) -> text.length == 0 ? text : concatenate(first, text);
    }

    /** Puts a space first unless there is one. */
    public static TextNormalizer spacePrefix() {
        byte[] space = {' '};
        return (text, atStart) -> text.length == 0 || text[0] == ' '
                ? text
                : concatenate(space, text);
    }

    /** Writes spaces as {@code replacement}, and puts one first unless there is one. */
    public static TextNormalizer metaspace(String replacement, Prefix prefix) {
        byte[] space = Utf8.encode(replacement);
        byte[] blank = {' '};
        return (text, atStart) -> {
            byte[] replaced = replace(text, blank, space);
            boolean wanted = prefix == Prefix.ALWAYS || prefix == Prefix.FIRST && atStart;
            return wanted && replaced.length > 0 && !startsWith(replaced, 0, space)
                    ? concatenate(space, replaced)
                    : replaced;
        };
    }

    /** A Unicode normalisation form. */
    public static TextNormalizer unicode(Normalizer.Form form) {
        return (text, atStart) -> {
            if (Utf8.isAscii(text)) {
                return text;
            }
            String written = new String(text, StandardCharsets.UTF_8);
            return Normalizer.isNormalized(written, form)
                    ? text
                    : Utf8.encode(Normalizer.normalize(CombiningRuns.order(written), form));
        };
    }

    /** Lower case, character by character and so without regard to what stands around. */
    public static TextNormalizer lowercase() {
        return (text, atStart) -> Utf8.encode(lowercase(new String(text, StandardCharsets.UTF_8)));
    }

    static String lowercase(String text) {
        StringBuilder lower = new StringBuilder(text.length());
        text.codePoints().forEach(character -> {
            lower.appendCodePoint(Character.toLowerCase(character));
            if (character == '\u0130') {
                lower.append('\u0307');
            }
        });
        return lower.toString();
    }

    /** Leaves out combining marks (M). */
    public static TextNormalizer stripAccents() {
        return (text, atStart) -> {
            ByteArrayOutputStream kept = new ByteArrayOutputStream(text.length);
            for (int at = 0; at < text.length;) {
                int length = Utf8.length(text[at]);
                if ((CharacterTypes.at(text, at) & CharacterTypes.MARK) == 0) {
                    kept.write(text, at, length);
                }
                at += length;
            }
            return kept.toByteArray();
        };
    }

    /** Leaves white space out, and puts {@code mark} before every word that lacks it. */
    public static TextNormalizer markWords(String mark) {
        byte[] first = Utf8.encode(mark);
        return (text, atStart) -> {
            ByteArrayOutputStream out = new ByteArrayOutputStream(2 * text.length);
            boolean inWord = false;
            for (int at = 0; at < text.length;) {
                int length = Utf8.length(text[at]);
                boolean space = isSpace(text, at);
                if (!space && !inWord && !startsWith(text, at, first)) {
                    out.writeBytes(first);
                }
                if (!space) {
                    out.write(text, at, length);
                }
                inWord = !space;
                at += length;
            }
            return out.toByteArray();
        };
    }

    /** Writes two or more spaces in a row as {@code content}. */
    public static TextNormalizer collapseSpaces(String content) {
        byte[] replacement = Utf8.encode(content);
        return (text, atStart) -> {
            ByteArrayOutputStream out = new ByteArrayOutputStream(text.length);
            for (int at = 0; at < text.length;) {
                int end = at;
                while (end < text.length && text[end] == ' ') {
                    end++;
                }
                if (end - at > 1) {
                    out.writeBytes(replacement);
                } else {
                    out.write(text[at]);
                }
                at = Math.max(end, at + 1);
            }
            return out.toByteArray();
        };
    }

    /**
     * Writes spaces as SentencePiece's unigram models want them: U+2581 before every word, or where
     * spaces are not merged, for every space and once before the first word.
     */
    public static TextNormalizer wordSpaces(boolean prefix, boolean merged) {
        return (text, atStart) -> {
            ByteArrayOutputStream out = new ByteArrayOutputStream(2 * text.length);
            boolean begun = !prefix;
            boolean inWord = false;
            for (byte b : text) {
                boolean begins = b != ' ' && !inWord && (merged || !begun);
                if (begins || b == ' ' && !merged) {
                    out.writeBytes(Vocabulary.SPACE);
                }
                if (b != ' ') {
                    out.write(b);
                    begun = true;
                }
                inWord = b != ' ';
            }
            return out.toByteArray();
        };
    }

    /** Takes white space off the ends. */
    public static TextNormalizer strip(boolean left, boolean right) {
        return (text, atStart) -> {
            int from = 0;
            int to = text.length;
            while (left && from < to && isSpace(text, from)) {
                from += Utf8.length(text[from]);
            }
            while (right && to > from && isSpace(text, Utf8.previous(text, to))) {
                to = Utf8.previous(text, to);
            }
            return Arrays.copyOfRange(text, from, to);
        };
    }

    private static boolean isSpace(byte[] text, int at) {
        return (CharacterTypes.at(text, at) & CharacterTypes.SPACE) != 0;
    }

    private static byte[] concatenate(byte[] first, byte[] second) {
        byte[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }

    private static boolean startsWith(byte[] text, int at, byte[] start) {
        return text.length - at >= start.length
                && Arrays.equals(text, at, at + start.length, start, 0, start.length);
    }

    private static byte[] replace(byte[] text, byte[] pattern, byte[] content) {
        int count = 0;
        for (int at = 0; at < text.length;) {
            boolean found = text[at] == pattern[0] && startsWith(text, at, pattern);
            count += found ? 1 : 0;
            at += found ? pattern.length : 1;
        }
        if (count == 0) {
            return text;
        }
        byte[] replaced = new byte[Math.addExact(text.length,
                Math.multiplyExact(count, content.length - pattern.length))];
        int size = 0;
        for (int at = 0; at < text.length;) {
            if (text[at] == pattern[0] && startsWith(text, at, pattern)) {
                System.arraycopy(content, 0, replaced, size, content.length);
                size += content.length;
                at += pattern.length;
            } else {
                replaced[size++] = text[at++];
            }
        }
        return replaced;
    }
}
