package dev.millrace.engine.constrain;

import java.nio.charset.StandardCharsets;
import java.util.List;

/** What a piece of text may be: the body of a grammar's rule. */
public sealed interface Expression {

    /** The empty text. */
    Expression EMPTY = new Sequence(List.of());
    /** No text at all. */
    Expression NOTHING = new Choice(List.of());

    /** Exactly this text. */
    static Expression text(String text) {
        return new Bytes(text.getBytes(StandardCharsets.UTF_8));
    }

    /** One after the other. */
    static Expression sequence(Expression... parts) {
        return new Sequence(List.of(parts));
    }

    /** One of them. */
    static Expression choice(Expression... options) {
        return new Choice(List.of(options));
    }

    /** It or nothing. */
    static Expression optional(Expression body) {
        return new Repeat(body, 0, 1);
    }

    /** Any number of it. */
    static Expression any(Expression body) {
        return new Repeat(body, 0, Repeat.UNBOUNDED);
    }

    /** Exactly these bytes. */
    record Bytes(byte[] bytes) implements Expression {}

    /** One character of a set, in UTF-8. */
    record Characters(CodePoints set) implements Expression {}

    /** One after the other. */
    record Sequence(List<Expression> parts) implements Expression {

        public Sequence {
            parts = List.copyOf(parts);
        }
    }

    /** One of them; nothing matches where there are none. */
    record Choice(List<Expression> options) implements Expression {

        public Choice {
            options = List.copyOf(options);
        }
    }

    /** So many of it; {@code most} may be {@link #UNBOUNDED}. */
    record Repeat(Expression body, int least, int most) implements Expression {

        public static final int UNBOUNDED = Integer.MAX_VALUE;

        public Repeat {
            if (least < 0 || most < least) {
                throw new GrammarException("a repetition must run from a smaller to a larger"
                        + " count, got {" + least + "," + most + "}");
            }
        }
    }

    /** What another rule of the grammar says. */
    record Call(int rule) implements Expression {}

    /** What both say; neither may call a rule. */
    record Both(Expression first, Expression second) implements Expression {}

    /** What {@code kept} says but not {@code removed}; neither may call a rule. */
    record Without(Expression kept, Expression removed) implements Expression {}
}
