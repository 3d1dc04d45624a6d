package dev.millrace.models.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/** Parses expressions by precedence, lowest first; {@link OperandParser} parses the operands. */
final class ExpressionParser {

    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

    private final TokenStream tokens;
    private final ParserState state;
    private final OperandParser operands;

    ExpressionParser(TokenStream tokens, ParserState state) {
        this.tokens = tokens;
        this.state = state;
        this.operands = new OperandParser(tokens, this, state);
    }

    /** The parser of what the operators stand between. */
    OperandParser operands() {
        return operands;
    }

    /** An expression, or a tuple of several without parentheses. */
    Expression tuple() {
        return tuple(this::expression, false);
    }

    /** Like {@link #tuple}, but {@code if} does not continue it: it ends a loop's items. */
    Expression tupleBeforeIf() {
        return tuple(this::or, false);
    }

    Expression tuple(Supplier<Expression> item, boolean mayBeEmpty) {
        List<Expression> items = new ArrayList<>();
        boolean several = false;
        while (!atTupleEnd(several)) {
            items.add(item.get());
            if (!tokens.acceptOperator(",")) {
                break;
            }
            several = true;
        }
        if (items.isEmpty() && !mayBeEmpty) {
            throw tokens.unexpected("an expression");
        }
        return several || items.isEmpty() ? new Expression.TupleDisplay(items) : items.getFirst();
    }

    private boolean atTupleEnd(boolean afterComma) {
        return tokens.at(Token.Kind.TAG_END) || tokens.atOperator(")")
                || afterComma && (tokens.atOperator("=") || tokens.atName("in")
                        || tokens.atName("recursive"));
    }

    /** An expression with its {@code if}s and {@code else}s. */
    Expression expression() {
        tokens.descend();
        int mark = state.mark();
        Expression value = or();
        while (tokens.acceptName("if")) {
            Expression condition = or();
            Expression otherwise = tokens.acceptName("else") ? expression() : null;
            value = new Expression.Conditional(condition, value, otherwise);
            state.forgive(mark);
        }
        tokens.ascend();
        return value;
    }

    Expression or() {
        List<Expression> parts = separated("or", this::and);
        return parts.size() == 1 ? parts.getFirst() : new Expression.Or(parts);
    }

    private Expression and() {
        List<Expression> parts = separated("and", this::not);
        return parts.size() == 1 ? parts.getFirst() : new Expression.And(parts);
    }

    private List<Expression> separated(String word, Supplier<Expression> part) {
        List<Expression> parts = new ArrayList<>();
        do {
            parts.add(part.get());
        } while (tokens.acceptName(word));
        return parts;
    }

    private Expression not() {
        if (!tokens.acceptName("not")) {
            return comparison();
        }
        tokens.descend();
        Expression operand = not();
        tokens.ascend();
        return new Expression.Not(operand);
    }

    private Expression comparison() {
        Expression first = sum();
        List<String> operators = new ArrayList<>();
        List<Expression> rest = new ArrayList<>();
        String operator = comparisonOperator();
        while (operator != null) {
            operators.add(operator);
            rest.add(sum());
            operator = comparisonOperator();
        }
        return rest.isEmpty() ? first : new Operation.Comparisons(first, operators, rest);
    }

    /** Takes an operator that compares; null if there is none. */
    private String comparisonOperator() {
        if (tokens.at(Token.Kind.OPERATOR) && COMPARISONS.contains(tokens.peek().text())) {
            return tokens.take().text();
        }
        if (tokens.acceptName("in")) {
            return "in";
        }
        if (tokens.atName("not") && tokens.peekSecond().is(Token.Kind.NAME, "in")) {
            tokens.take();
            tokens.take();
            return "not in";
        }
        return null;
    }

    private Expression sum() {
        return chain(Set.of("+", "-"), this::concatenation);
    }

    private Expression concatenation() {
        List<Expression> parts = new ArrayList<>();
        do {
            parts.add(product());
        } while (tokens.acceptOperator("~"));
        return parts.size() == 1 ? parts.getFirst() : new Operation.Concatenation(parts);
    }

    private Expression product() {
        return chain(Set.of("*", "/", "//", "%"), this::power);
    }

    /** Jinja's power binds to the left, unlike Python's. */
    private Expression power() {
        return chain(Set.of("**"), operands::filtered);
    }

    private Expression chain(Set<String> operators, Supplier<Expression> operand) {
        Expression first = operand.get();
        List<String> found = new ArrayList<>();
        List<Expression> rest = new ArrayList<>();
        while (tokens.at(Token.Kind.OPERATOR) && operators.contains(tokens.peek().text())) {
            found.add(tokens.take().text());
            rest.add(operand.get());
        }
        return rest.isEmpty() ? first : new Operation.Chain(first, found, rest);
    }
}
