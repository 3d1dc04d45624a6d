package dev.millrace.engine.constrain;

import dev.millrace.engine.constrain.Expression.Characters;
import dev.millrace.engine.constrain.Expression.Choice;
import dev.millrace.engine.constrain.Expression.Repeat;
import dev.millrace.engine.constrain.Expression.Sequence;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads regular expressions: what ECMA-262 (with its flag u) and Python have in common and an
 * automaton can do. Look-around, back references, word boundaries and flags are refused by name;
 * lazy quantifiers mean the same as greedy ones, since only the whole text counts.
 *
 * <p>The result is made of characters, sequences, choices and repetitions only.
 */
public final class RegexParser {

    private static final CodePoints LINE_ENDS = CodePoints.of('\n', '\r', 0x2028, 0x2029);
    private static final Expression ANY_TEXT = Expression.any(new Characters(CodePoints.ALL));
    /** Anchors: placeholders that must be gone in the end. */
    private static final Expression BEGIN = new Characters(CodePoints.NONE);
    private static final Expression END = new Characters(CodePoints.NONE);

    private final String pattern;
    private int at;
    private int nesting;

    private RegexParser(String pattern) {
        this.pattern = pattern;
    }

    /**
     * The texts that a pattern matches from beginning to end.
     *
     * @throws GrammarException if it is wrong, unsupported or too large
     */
    public static Expression whole(String pattern) {
        return new RegexParser(pattern).resolve(parse(pattern), Expression.EMPTY);
    }

    /**
     * The texts in which a pattern matches somewhere, as JSON Schema's {@code pattern} means it.
     *
     * @throws GrammarException if it is wrong, unsupported or too large
     */
    public static Expression anywhere(String pattern) {
        return new RegexParser(pattern).resolve(parse(pattern), ANY_TEXT);
    }

    private static Expression parse(String pattern) {
        GrammarLimits.requireText(pattern, "regular expression");
        RegexParser parser = new RegexParser(pattern);
        Expression parsed = parser.alternatives();
        if (parser.at < pattern.length()) {
            throw parser.wrong("')' without a '(' before it");
        }
        return parsed;
    }

    /** Puts {@code around} on the sides of each alternative that are not anchored. */
    private Expression resolve(Expression parsed, Expression around) {
        if (parsed instanceof Choice choice) {
            return new Choice(choice.options().stream().map(option -> resolve(option, around))
                    .toList());
        }
        List<Expression> parts = new ArrayList<>(
                parsed instanceof Sequence sequence ? sequence.parts() : List.of(parsed));
        if (parts.size() == 1 && parts.getFirst() instanceof Choice only) {
            return resolve(only, around);
        }
        boolean begins = false;
        while (!parts.isEmpty() && parts.getFirst() == BEGIN) {
            parts.removeFirst();
            begins = true;
        }
        boolean ends = false;
        while (!parts.isEmpty() && parts.getLast() == END) {
            parts.removeLast();
            ends = true;
        }
        for (Expression part : parts) {
            requireNoAnchor(part);
        }
        if (!begins) {
            parts.addFirst(around);
        }
        if (!ends) {
            parts.addLast(around);
        }
        return new Sequence(parts);
    }

    private void requireNoAnchor(Expression expression) {
        switch (expression) {
            case Choice choice -> choice.options().forEach(this::requireNoAnchor);
            case Sequence sequence -> sequence.parts().forEach(this::requireNoAnchor);
            case Repeat repeat -> requireNoAnchor(repeat.body());
            default -> {
                if (expression == BEGIN || expression == END) {
                    throw new GrammarException("the regular expression " + shown()
                            + " has ^ or $ inside; they are supported at the beginning and the"
                            + " end of an alternative only");
                }
            }
        }
    }

    private Expression alternatives() {
        List<Expression> options = new ArrayList<>();
        options.add(alternative());
        while (at < pattern.length() && pattern.charAt(at) == '|') {
            at++;
            options.add(alternative());
        }
        return options.size() == 1 ? options.getFirst() : new Choice(options);
    }

    private Expression alternative() {
        List<Expression> parts = new ArrayList<>();
        while (at < pattern.length() && pattern.charAt(at) != '|' && pattern.charAt(at) != ')') {
            parts.add(quantified(atom()));
        }
        return parts.size() == 1 ? parts.getFirst() : new Sequence(parts);
    }

    private Expression quantified(Expression atom) {
        Expression quantified = atom;
        while (at < pattern.length()) {
            char sign = pattern.charAt(at);
            int least = 0;
            int most = Repeat.UNBOUNDED;
            if (sign == '*' || sign == '+' || sign == '?') {
                at++;
                least = sign == '+' ? 1 : 0;
                most = sign == '?' ? 1 : most;
            } else if (sign == '{') {
                at++;
                least = number();
                most = least;
                if (peek() == ',') {
                    at++;
                    most = peek() == '}' ? Repeat.UNBOUNDED : number();
                }
                expect('}');
            } else {
                return quantified;
            }
            if (quantified == BEGIN || quantified == END || quantified != atom) {
                throw wrong("a quantifier with nothing to repeat");
            }
            if (peek() == '+') {
                throw unsupported("a possessive quantifier");
            }
            if (peek() == '?') {
                at++;
            }
            quantified = new Repeat(atom, least, most);
        }
        return quantified;
    }

    private int number() {
        int begin = at;
        while (at < pattern.length() && Character.isDigit(pattern.charAt(at))) {
            at++;
        }
        if (begin == at) {
            throw wrong("a '{' that no count follows; write \\{ for the character");
        }
        if (at - begin > 9) {
            throw new GrammarException("the regular expression " + shown()
                    + " repeats something more than 999999999 times");
        }
        return Integer.parseInt(pattern.substring(begin, at));
    }

    private Expression atom() {
        int character = take();
        return switch (character) {
            case '(' -> group();
            case '[' -> new Characters(RegexClasses.bracketed(this));
            case '.' -> new Characters(LINE_ENDS.complement());
            case '^' -> BEGIN;
            case '$' -> END;
            case '*', '+', '?', '{' -> throw wrong("a quantifier with nothing to repeat");
            case '\\' -> new Characters(RegexClasses.escaped(this, false));
            default -> new Characters(CodePoints.of(character));
        };
    }

    private Expression group() {
        if (++nesting > GrammarLimits.NESTING) {
            throw new GrammarException("the regular expression has more than "
                    + GrammarLimits.NESTING + " groups within each other");
        }
        if (peek() == '?') {
            at++;
            int kind = take();
            if (kind == 'P' && peek() == '<') {
                kind = take();
            }
            if (kind == '<' && peek() != '=' && peek() != '!') {
                int close = pattern.indexOf('>', at);
                if (close < 0) {
                    throw wrong("a group's name without '>'");
                }
                at = close + 1;
            } else if (kind == '=' || kind == '!' || kind == '<') {
                throw unsupported("look-around (?" + Character.toString(kind));
            } else if (kind != ':') {
                throw unsupported("(?" + Character.toString(kind));
            }
        }
        Expression inside = alternatives();
        expect(')');
        nesting--;
        return inside;
    }

    /** The next character, which stays; -1 at the end. */
    int peek() {
        return at < pattern.length() ? pattern.codePointAt(at) : -1;
    }

    /** The next character. */
    int take() {
        if (at >= pattern.length()) {
            throw wrong("an end where more must follow");
        }
        int character = pattern.codePointAt(at);
        at += Character.charCount(character);
        return character;
    }

    void expect(char wanted) {
        if (peek() != wanted) {
            throw wrong("no '" + wanted + "'");
        }
        at++;
    }

    /** What is between here and the next such character, which is passed. */
    String takeUntil(char end) {
        int close = pattern.indexOf(end, at);
        if (close < 0) {
            throw wrong("no '" + end + "'");
        }
        String text = pattern.substring(at, close);
        at = close + 1;
        return text;
    }

    GrammarException wrong(String what) {
        return new GrammarException("the regular expression " + shown() + " is wrong at character "
                + at + ": " + what);
    }

    GrammarException unsupported(String what) {
        return new GrammarException("the regular expression " + shown() + " uses " + what
                + ", which is not supported");
    }

    private String shown() {
        return pattern.length() <= 60 ? pattern : pattern.substring(0, 60) + "...";
    }
}
