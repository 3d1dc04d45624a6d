package dev.millrace.models.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Parses literals, names and brackets with the members, calls, filters and tests behind them. */
final class OperandParser {

    private static final Set<Token.Kind> ARGUMENT_STARTS = Set.of(Token.Kind.NAME,
            Token.Kind.STRING,
            Token.Kind.INTEGER, Token.Kind.FLOAT);

    private final TokenStream tokens;
    private final ExpressionParser expressions;
    private final ParserState state;

    OperandParser(TokenStream tokens, ExpressionParser expressions, ParserState state) {
        this.tokens = tokens;
        this.expressions = expressions;
        this.state = state;
    }

    /** An operand with its sign, members, calls, filters and tests. */
    Expression filtered() {
        Expression value = signed();
        while (true) {
            if (tokens.acceptOperator("|")) {
                value = filter(value);
            } else if (tokens.acceptName("is")) {
                value = test(value);
            } else if (tokens.atOperator("(")) {
                value = new Access.Call(value, arguments());
            } else {
                return value;
            }
        }
    }

    private Expression signed() {
        if (!tokens.atOperator("-") && !tokens.atOperator("+")) {
            return members(primary());
        }
        boolean minus = tokens.take().text().equals("-");
        tokens.descend();
        Expression operand = signed();
        tokens.ascend();
        return members(new Operation.Sign(minus, operand));
    }

    /** The filter after a {@code |} that was taken already. */
    Expression filter(Expression value) {
        int line = tokens.line();
        String name = dottedName();
        Filter filter = Filters.named(name);
        if (filter == null) {
            state.missing("line " + line + ": there is no filter named '" + name + "'");
        }
        return new Access.Filtered(value, name, filter,
                tokens.atOperator("(") ? arguments() : Access.ArgumentList.NONE);
    }

    private Expression test(Expression value) {
        boolean negated = tokens.acceptName("not");
        int line = tokens.line();
        String name = dottedName();
        ValueTest test = ValueTests.named(name);
        if (test == null) {
            state.missing("line " + line + ": there is no test named '" + name + "'");
        }
        Expression tested = new Access.Tested(value, name, test, testArguments());
        return negated ? new Expression.Not(tested) : tested;
    }

    private String dottedName() {
        StringBuilder name = new StringBuilder(tokens.expect(Token.Kind.NAME, "a name").text());
        while (tokens.acceptOperator(".")) {
            name.append('.').append(tokens.expect(Token.Kind.NAME, "a name").text());
        }
        return name.toString();
    }

    /** Arguments in parentheses, or one operand without them. */
    private Access.ArgumentList testArguments() {
        if (tokens.atOperator("(")) {
            return arguments();
        }
        boolean starts = ARGUMENT_STARTS.contains(tokens.peek().kind()) || tokens.atOperator("[")
                || tokens.atOperator("{");
        if (!starts || tokens.atName("else") || tokens.atName("or") || tokens.atName("and")) {
            return Access.ArgumentList.NONE;
        }
        if (tokens.atName("is")) {
            throw tokens.error("tests cannot be chained with 'is'; join them with 'and'");
        }
        return new Access.ArgumentList(List.of(members(primary())), Map.of());
    }

    private Expression primary() {
        Token token = tokens.peek();
        switch (token.kind()) {
            case NAME -> {
                tokens.take();
                return named(token.text());
            }
            case STRING -> {
                StringBuilder joined = new StringBuilder();
                while (tokens.at(Token.Kind.STRING)) {
                    joined.append(tokens.take().text());
                }
                return new Expression.Literal(Text.trusted(joined.toString()));
            }
            case INTEGER -> {
                Expression literal = new Expression.Literal(integer(token.text()));
                tokens.take();
                return literal;
            }
            case FLOAT -> {
                tokens.take();
                return new Expression.Literal(Double.valueOf(token.text().replace("_", "")));
            }
            default -> {
                return bracketed();
            }
        }
    }

    private Expression named(String name) {
        return switch (name) {
            case "true", "True" -> new Expression.Literal(true);
            case "false", "False" -> new Expression.Literal(false);
            case "none", "None" -> new Expression.Literal(null);
            default -> {
                state.read(name);
                yield new Expression.Variable(name);
            }
        };
    }

    private Long integer(String literal) {
        String digits = literal.replace("_", "").toLowerCase(Locale.ROOT);
        int base = digits.startsWith("0x")
                ? 16
                : digits.startsWith("0o") ? 8 : digits.startsWith("0b") ? 2 : 10;
        try {
            return Long.parseLong(base == 10 ? digits : digits.substring(2), base);
        } catch (NumberFormatException e) {
            throw tokens.error("the integer " + literal + " does not fit 64 bits");
        }
    }

    private Expression bracketed() {
        tokens.descend();
        Expression value;
        if (tokens.acceptOperator("(")) {
            value = expressions.tuple(expressions::expression, true);
            tokens.expectOperator(")");
        } else if (tokens.acceptOperator("[")) {
            value = new Expression.ListDisplay(items());
        } else if (tokens.acceptOperator("{")) {
            value = dict();
        } else {
            throw tokens.unexpected("an expression");
        }
        tokens.ascend();
        return value;
    }

    private List<Expression> items() {
        List<Expression> items = new ArrayList<>();
        while (!tokens.acceptOperator("]")) {
            items.add(expressions.expression());
            if (!tokens.atOperator("]")) {
                tokens.expectOperator(",");
            }
        }
        return items;
    }

    private Expression dict() {
        List<Expression> keys = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (!tokens.acceptOperator("}")) {
            keys.add(expressions.expression());
            tokens.expectOperator(":");
            values.add(expressions.expression());
            if (!tokens.atOperator("}")) {
                tokens.expectOperator(",");
            }
        }
        return new Expression.DictDisplay(keys, values);
    }

    /** The members and calls behind an operand. */
    private Expression members(Expression operand) {
        Expression value = operand;
        while (true) {
            if (tokens.acceptOperator(".")) {
                value = dotted(value);
            } else if (tokens.acceptOperator("[")) {
                value = subscript(value);
            } else if (tokens.atOperator("(")) {
                value = new Access.Call(value, arguments());
            } else {
                return value;
            }
        }
    }

    private Expression dotted(Expression target) {
        Token member = tokens.peek();
        if (member.kind() == Token.Kind.INTEGER) {
            Expression key = new Expression.Literal(integer(member.text()));
            tokens.take();
            return new Access.Item(target, key);
        }
        tokens.expect(Token.Kind.NAME, "a name or a number");
        return new Access.Attribute(target, Text.trusted(member.text()));
    }

    private Expression subscript(Expression target) {
        tokens.descend();
        Expression start = tokens.atOperator(":") ? null : expressions.expression();
        Expression value;
        if (tokens.acceptOperator(":")) {
            Expression stop = bound();
            Expression step = tokens.acceptOperator(":") ? bound() : null;
            value = new Access.Slice(target, start, stop, step);
        } else {
            value = new Access.Item(target, start);
        }
        if (tokens.atOperator(",")) {
            throw tokens.error("a subscript of several keys is not supported");
        }
        tokens.expectOperator("]");
        tokens.ascend();
        return value;
    }

    private Expression bound() {
        return tokens.atOperator(":") || tokens.atOperator("]") ? null : expressions.expression();
    }

    /** The arguments of a call with their parentheses. */
    Access.ArgumentList arguments() {
        tokens.expectOperator("(");
        List<Expression> positional = new ArrayList<>();
        Map<String, Expression> named = new LinkedHashMap<>();
        while (!tokens.acceptOperator(")")) {
            argument(positional, named);
            if (!tokens.atOperator(")")) {
                tokens.expectOperator(",");
            }
        }
        return new Access.ArgumentList(positional, named);
    }

    private void argument(List<Expression> positional, Map<String, Expression> named) {
        if (tokens.atOperator("*") || tokens.atOperator("**")) {
            throw tokens.error("arguments with * and ** are not supported");
        }
        boolean hasName = tokens.at(Token.Kind.NAME)
                && tokens.peekSecond().is(Token.Kind.OPERATOR, "=");
        if (!hasName) {
            if (!named.isEmpty()) {
                throw tokens.error("an argument without a name follows one with a name");
            }
            positional.add(expressions.expression());
            return;
        }
        String name = tokens.take().text();
        tokens.take();
        if (named.put(name, expressions.expression()) != null) {
            throw tokens.error("the argument '" + name + "' is given twice");
        }
    }
}
