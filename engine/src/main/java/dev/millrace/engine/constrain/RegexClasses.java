package dev.millrace.engine.constrain;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** Reads what in a regular expression stands for one of several characters. */
final class RegexClasses {

    private static final CodePoints DIGITS = CodePoints.range('0', '9');
    private static final CodePoints WORD = DIGITS.or(CodePoints.range('a', 'z'))
            .or(CodePoints.range('A', 'Z')).or(CodePoints.of('_'));
    private static final CodePoints SPACE = CodePoints.of(' ', '\t', '\n', 0x0B, '\f', '\r', 0xA0,
            0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF)
            .or(CodePoints.range(0x2000, 0x200A));
    private static final Map<Integer, Integer> CONTROLS = Map.of((int) 't', (int) '\t', (int) 'n',
            (int) '\n', (int) 'r', (int) '\r', (int) 'f', (int) '\f', (int) 'v', 0x0B, (int) '0',
            0);
    /** Unicode's long names that JSON Schemas use, and the short ones that Java knows. */
    private static final Map<String, String> LONG_NAMES = Map.of("Letter", "L", "Number", "N",
            "Digit", "Nd", "Punctuation", "P", "Symbol", "S", "Separator", "Z", "Mark", "M",
            "Uppercase_Letter", "Lu", "Lowercase_Letter", "Ll");
    private static final int PROPERTIES = 64;
    private static final Map<String, CodePoints> PROPERTY_SETS = new ConcurrentHashMap<>();

    private RegexClasses() {}

    /** What follows a '['. */
    static CodePoints bracketed(RegexParser parser) {
        boolean negated = parser.peek() == '^';
        if (negated) {
            parser.take();
        }
        List<CodePoints> sets = new ArrayList<>();
        while (parser.peek() != ']') {
            CodePoints first = member(parser);
            if (parser.peek() != '-') {
                sets.add(first);
                continue;
            }
            parser.take();
            if (parser.peek() == ']') {
                sets.add(first);
                sets.add(CodePoints.of('-'));
                break;
            }
            CodePoints last = member(parser);
            sets.add(range(parser, first, last));
        }
        parser.expect(']');
        CodePoints members = CodePoints.anyOf(sets);
        return negated ? members.complement() : members;
    }

    private static CodePoints range(RegexParser parser, CodePoints first, CodePoints last) {
        if (!isSingle(first) || !isSingle(last)) {
            throw parser.wrong("a range from or to a class of characters");
        }
        if (first.first(0) > last.first(0)) {
            throw parser.wrong("a range whose end is before its beginning");
        }
        return CodePoints.range(first.first(0), last.first(0));
    }

    private static boolean isSingle(CodePoints set) {
        return set.ranges() == 1 && set.first(0) == set.last(0);
    }

    private static CodePoints member(RegexParser parser) {
        int character = parser.take();
        return character == '\\' ? escaped(parser, true) : CodePoints.of(character);
    }

    /** What follows a backslash. */
    static CodePoints escaped(RegexParser parser, boolean bracketed) {
        int letter = parser.take();
        switch (letter) {
            case 'd' -> {
                return DIGITS;
            }
            case 'D' -> {
                return DIGITS.complement();
            }
            case 'w' -> {
                return WORD;
            }
            case 'W' -> {
                return WORD.complement();
            }
            case 's' -> {
                return SPACE;
            }
            case 'S' -> {
                return SPACE.complement();
            }
            case 'p', 'P' -> {
                CodePoints set = property(parser);
                return letter == 'p' ? set : set.complement();
            }
            case 'x' -> {
                return CodePoints.of(hex(parser, 2));
            }
            case 'u' -> {
                return CodePoints.of(unicode(parser));
            }
            default -> {
                return single(parser, letter, bracketed);
            }
        }
    }

    private static CodePoints single(RegexParser parser, int letter, boolean bracketed) {
        if (letter == 'b' && bracketed) {
            return CodePoints.of('\b');
        }
        Integer control = CONTROLS.get(letter);
        if (control != null) {
            return CodePoints.of(control);
        }
        if (letter < 128 && Character.isLetterOrDigit(letter)) {
            throw parser.unsupported(Character.isDigit(letter)
                    ? "the back reference \\" + Character.toString(letter)
                    : "\\" + Character.toString(letter));
        }
        return CodePoints.of(letter);
    }

    private static int unicode(RegexParser parser) {
        if (parser.peek() == '{') {
            parser.take();
            return number(parser, parser.takeUntil('}'));
        }
        int unit = hex(parser, 4);
        if (!Character.isHighSurrogate((char) unit)) {
            return unit;
        }
        parser.expect('\\');
        parser.expect('u');
        return Character.toCodePoint((char) unit, (char) hex(parser, 4));
    }

    private static int hex(RegexParser parser, int digits) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < digits; i++) {
            text.appendCodePoint(parser.take());
        }
        return number(parser, text.toString());
    }

    private static int number(RegexParser parser, String digits) {
        try {
            int value = Integer.parseInt(digits, 16);
            if (Character.isValidCodePoint(value)) {
                return value;
            }
        } catch (NumberFormatException e) {
            // Falls through to the same complaint as a number too large.
        }
        throw parser.wrong(digits + " is no character's number");
    }

    private static CodePoints property(RegexParser parser) {
        parser.expect('{');
        String name = parser.takeUntil('}');
        CodePoints known = PROPERTY_SETS.get(name);
        if (known != null) {
            return known;
        }
        try {
            Pattern pattern = Pattern.compile("\\p{" + LONG_NAMES.getOrDefault(name, name) + "}");
            CodePoints found = CodePoints.where(character -> pattern
                    .matcher(Character.toString(character)).matches());
            if (PROPERTY_SETS.size() < PROPERTIES) {
                PROPERTY_SETS.put(name, found);
            }
            return found;
        } catch (PatternSyntaxException e) {
            throw parser.unsupported("the property \\p{" + name + "}");
        }
    }
}
