package dev.millrace.models.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Parses a template's text and statements. */
final class StatementParser {

    private final TokenStream tokens;
    private final ParserState state = new ParserState();
    private final ExpressionParser expressions;
    private final OperandParser operands;
    private final TargetParser targets;

    private StatementParser(List<Token> tokens) {
        this.tokens = new TokenStream(tokens);
        this.expressions = new ExpressionParser(this.tokens, state);
        this.operands = expressions.operands();
        this.targets = new TargetParser(this.tokens);
    }

    /** @throws TemplateException for anything that is not Jinja, or not supported here */
    static Statement parse(Source source) {
        StatementParser parser = new StatementParser(Lexer.tokens(source));
        Statement template = parser.body(Set.of());
        parser.state.finish();
        return template;
    }

    /** Text and statements up to one of the names, its tag left open; or to the end if none. */
    private Statement body(Set<String> ends) {
        tokens.descend();
        List<Statement> statements = new ArrayList<>();
        while (true) {
            Token token = tokens.peek();
            switch (token.kind()) {
                case TEXT -> statements.add(new Statement.Verbatim(tokens.take().text()));
                case OUTPUT_START -> {
                    tokens.take();
                    statements.add(new Statement.Print(expressions.tuple(), token.line()));
                    endTag();
                }
                case STATEMENT_START -> {
                    tokens.take();
                    if (tokens.at(Token.Kind.NAME) && ends.contains(tokens.peek().text())) {
                        tokens.ascend();
                        return sequence(statements);
                    }
                    statements.add(statement(ends));
                    endTag();
                }
                default -> {
                    if (!ends.isEmpty()) {
                        throw tokens.unexpected(describe(ends));
                    }
                    tokens.ascend();
                    return sequence(statements);
                }
            }
        }
    }

    private static String describe(Set<String> ends) {
        return "{% " + String.join(" %} or {% ", ends.stream().sorted().toList()) + " %}";
    }

    private static Statement sequence(List<Statement> statements) {
        return statements.size() == 1 ? statements.getFirst() : new Statement.Sequence(statements);
    }

    private void endTag() {
        tokens.expect(Token.Kind.TAG_END, "the end of the tag");
    }

    /** A body that ends with one certain tag, of which the name is taken. */
    private Statement bodyTo(String end) {
        Statement body = body(Set.of(end));
        tokens.expectName(end);
        return body;
    }

    /** @param ends what the block around the statement could end with */
    private Statement statement(Set<String> ends) {
        int line = tokens.line();
        String name = tokens.expect(Token.Kind.NAME, "the name of a statement").text();
        return switch (name) {
            case "if" -> ifStatement(line);
            case "for" -> forLoop(line);
            case "set" -> set(line);
            case "macro" -> macro();
            case "call" -> call(line);
            case "filter" -> filterBlock(line);
            case "with" -> with(line);
            case "print" -> new Statement.Print(expressions.tuple(), line);
            case "break" -> jump(Statement.Flow.BREAK, name);
            case "continue" -> jump(Statement.Flow.CONTINUE, name);
            case "generation" -> {
                endTag();
                yield new Statement.Scoped(List.of(), List.of(), bodyTo("endgeneration"), line);
            }
            case "include", "import", "from", "extends", "block", "autoescape" ->
                throw tokens.error(
                        "{% " + name
                                + " %} is not supported: a chat template is a single file");
            default -> throw tokens.error("there is no statement named '" + name + "' here"
                    + (ends.isEmpty()
                            ? ""
                            : "; the block that is open ends with " + describe(ends)));
        };
    }

    private Statement ifStatement(int line) {
        int mark = state.mark();
        List<Statement.Branch> branches = new ArrayList<>();
        int branchLine = line;
        String next = "elif";
        while (next.equals("elif")) {
            Expression condition = expressions.tupleBeforeIf();
            endTag();
            Statement body = body(Set.of("elif", "else", "endif"));
            branches.add(new Statement.Branch(condition, body, branchLine));
            branchLine = tokens.line();
            next = tokens.take().text();
        }
        if (next.equals("else")) {
            endTag();
            branches.add(new Statement.Branch(new Expression.Literal(true), bodyTo("endif"),
                    branchLine));
        }
        state.forgive(mark);
        return new Statement.If(branches);
    }

    private Statement forLoop(int line) {
        Target target = targets.several();
        if (tokens.atName("in") && Target.names(target).anyMatch("loop"::equals)) {
            throw tokens.error("'loop' is the loop itself; its items need another name");
        }
        tokens.expectName("in");
        Expression items = expressions.tupleBeforeIf();
        Expression condition = tokens.acceptName("if") ? expressions.expression() : null;
        boolean recursive = tokens.acceptName("recursive");
        endTag();
        int mark = state.mark();
        int loopsOutside = state.setLoops(state.loops() + 1);
        Statement body = body(Set.of("else", "endfor"));
        state.setLoops(loopsOutside);
        Statement otherwise = null;
        if (tokens.take().text().equals("else")) {
            endTag();
            otherwise = bodyTo("endfor");
        }
        state.confirm(mark);
        return new ForLoop(target, items, condition, recursive, body, otherwise, line);
    }

    private Statement jump(Statement.Flow flow, String name) {
        if (state.loops() == 0) {
            throw tokens.error("{% " + name + " %} stands outside of a loop");
        }
        return new Statement.Jump(flow);
    }

    private Statement set(int line) {
        Target target = targets.severalOrAttributes();
        if (tokens.acceptOperator("=")) {
            return new Statement.Assign(target, expressions.tuple(), line);
        }
        Expression filters = filters(null);
        endTag();
        int mark = state.mark();
        Statement body = bodyTo("endset");
        state.confirm(mark);
        return new Statement.AssignBlock(target, new Statement.Capture(body, filters), line);
    }

    private Statement filterBlock(int line) {
        Expression first = operands.filter(new Expression.Variable(Statement.Capture.TEXT_NAME));
        Expression filters = filters(first);
        endTag();
        int mark = state.mark();
        Statement body = bodyTo("endfilter");
        state.confirm(mark);
        return new Statement.FilterBlock(new Statement.Capture(body, filters), line);
    }

    /** More filters for what a block captures, or {@code first} if there are none. */
    private Expression filters(Expression first) {
        Expression filtered = first;
        while (tokens.acceptOperator("|")) {
            Expression operand = filtered == null
                    ? new Expression.Variable(Statement.Capture.TEXT_NAME)
                    : filtered;
            filtered = operands.filter(operand);
        }
        return filtered;
    }

    private Statement with(int line) {
        List<Target> variables = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (!tokens.at(Token.Kind.TAG_END)) {
            if (!variables.isEmpty()) {
                tokens.expectOperator(",");
            }
            variables.add(targets.one());
            tokens.expectOperator("=");
            values.add(expressions.expression());
        }
        endTag();
        return new Statement.Scoped(variables, values, bodyTo("endwith"), line);
    }

    private Statement macro() {
        String name = targets.name();
        state.startMacro();
        Macro.Parameters parameters = parameters();
        endTag();
        return new Statement.DefineMacro(signature(name, parameters, "endmacro"));
    }

    private Statement call(int line) {
        state.startMacro();
        Macro.Parameters parameters = tokens.atOperator("(") ? parameters() : Macro.Parameters.NONE;
        if (!(expressions.expression() instanceof Access.Call call)) {
            throw tokens.error("{% call %} needs a call, such as {% call macro() %}");
        }
        endTag();
        return new Statement.CallBlock(signature("caller", parameters, "endcall"), call, line);
    }

    private Macro.Parameters parameters() {
        List<String> names = new ArrayList<>();
        List<Expression> defaults = new ArrayList<>();
        boolean hasDefault = false;
        tokens.expectOperator("(");
        while (!tokens.acceptOperator(")")) {
            names.add(targets.name());
            if (hasDefault && !tokens.atOperator("=")) {
                throw tokens.error("a parameter without a default follows one with a default");
            }
            hasDefault = tokens.acceptOperator("=");
            defaults.add(hasDefault ? expressions.expression() : null);
            if (!tokens.atOperator(")")) {
                tokens.expectOperator(",");
            }
        }
        return new Macro.Parameters(names, defaults);
    }

    /** Parses the body of a macro whose start is told to the parser's state already. */
    private Macro.Signature signature(String name, Macro.Parameters parameters, String end) {
        int mark = state.mark();
        int loopsOutside = state.setLoops(0);
        Statement body = bodyTo(end);
        state.setLoops(loopsOutside);
        state.confirm(mark);
        return new Macro.Signature(name, parameters, state.endMacro(), body);
    }
}
