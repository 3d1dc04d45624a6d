package dev.millrace.engine.constrain;

import java.util.ArrayList;
import java.util.List;

/**
 * A context-free grammar over UTF-8 text; its root is rule 0.
 *
 * @param rules at least one
 */
public record Grammar(List<Rule> rules) {

    public Grammar {
        rules = List.copyOf(rules);
        if (rules.isEmpty()) {
            throw new GrammarException("a grammar needs at least one rule");
        }
    }

    /**
     * One rule.
     *
     * @param name for complaints
     */
    public record Rule(String name, Expression body) {}

    /** A grammar of one rule. */
    public static Grammar of(Expression root) {
        return new Grammar(List.of(new Rule("root", root)));
    }

    /**
     * One of these texts.
     *
     * @throws GrammarException if there are none, one is empty, or they are too long together
     */
    public static Grammar choice(List<String> texts) {
        long chars = 0;
        for (String text : texts) {
            chars += text.length();
            if (text.isEmpty()) {
                throw new GrammarException("a choice must not be empty");
            }
        }
        if (texts.isEmpty()) {
            throw new GrammarException("there must be at least one choice");
        }
        if (chars > GrammarLimits.TEXT_CHARS) {
            throw new GrammarException("the choices have " + chars + " characters together, at"
                    + " most " + GrammarLimits.TEXT_CHARS + " are allowed");
        }
        return of(new Expression.Choice(texts.stream().map(Expression::text).toList()));
    }

    /** Collects rules that may call each other before they are defined. */
    public static final class Builder {

        private final List<String> names = new ArrayList<>();
        private final List<Expression> bodies = new ArrayList<>();

        /** Makes room for a rule, whose number this returns; the first is the root. */
        public int declare(String name) {
            GrammarLimits.require(names.size() + 1, GrammarLimits.RULES, "rules");
            names.add(name);
            bodies.add(null);
            return names.size() - 1;
        }

        /** Says what a declared rule is. */
        public void define(int rule, Expression body) {
            bodies.set(rule, body);
        }

        /** Takes over another grammar's rules. @return a call of its root */
        public Expression include(Grammar other) {
            int first = names.size();
            other.rules().forEach(rule -> declare(rule.name()));
            for (int rule = 0; rule < other.rules().size(); rule++) {
                define(first + rule, moved(other.rules().get(rule).body(), first));
            }
            return new Expression.Call(first);
        }

        /** The same with the numbers of the rules that it calls raised. */
        private static Expression moved(Expression expression, int by) {
            return switch (expression) {
                case Expression.Call call -> new Expression.Call(call.rule() + by);
                case Expression.Sequence sequence -> new Expression.Sequence(
                        sequence.parts().stream().map(part -> moved(part, by)).toList());
                case Expression.Choice choice -> new Expression.Choice(
                        choice.options().stream().map(option -> moved(option, by)).toList());
                case Expression.Repeat repeat -> new Expression.Repeat(moved(repeat.body(), by),
                        repeat.least(), repeat.most());
                case Expression.Bytes _ -> expression;
                case Expression.Characters _ -> expression;
                case Expression.Both _ -> expression;
                case Expression.Without _ -> expression;
            };
        }

        public boolean isDefined(int rule) {
            return bodies.get(rule) != null;
        }

        public String name(int rule) {
            return names.get(rule);
        }

        public int rules() {
            return names.size();
        }

        /** @throws GrammarException if a rule was declared but never defined */
        public Grammar build() {
            List<Rule> rules = new ArrayList<>();
            for (int rule = 0; rule < names.size(); rule++) {
                if (bodies.get(rule) == null) {
                    throw new GrammarException("the rule " + names.get(rule)
                            + " is used but not defined");
                }
                rules.add(new Rule(names.get(rule), bodies.get(rule)));
            }
            return new Grammar(rules);
        }
    }
}
