package dev.millrace.models.template;

import java.util.List;

/** The tokens of a template, read from front to back. */
final class TokenStream {

    private final List<Token> tokens;
    private int next;
    private int nesting;

    TokenStream(List<Token> tokens) {
        this.tokens = tokens;
    }

    Token peek() {
        return tokens.get(next);
    }

    /** The token after the next one; the end of the template stands for all behind it. */
    Token peekSecond() {
        return tokens.get(Math.min(next + 1, tokens.size() - 1));
    }

    Token take() {
        Token token = peek();
        if (token.kind() != Token.Kind.END) {
            next++;
        }
        return token;
    }

    int line() {
        return peek().line();
    }

    boolean at(Token.Kind kind) {
        return peek().kind() == kind;
    }

    boolean atName(String name) {
        return peek().is(Token.Kind.NAME, name);
    }

    boolean atOperator(String operator) {
        return peek().is(Token.Kind.OPERATOR, operator);
    }

    boolean acceptName(String name) {
        boolean found = atName(name);
        next += found ? 1 : 0;
        return found;
    }

    boolean acceptOperator(String operator) {
        boolean found = atOperator(operator);
        next += found ? 1 : 0;
        return found;
    }

    void expectName(String name) {
        if (!acceptName(name)) {
            throw unexpected("'" + name + "'");
        }
    }

    void expectOperator(String operator) {
        if (!acceptOperator(operator)) {
            throw unexpected("'" + operator + "'");
        }
    }

    Token expect(Token.Kind kind, String what) {
        if (!at(kind)) {
            throw unexpected(what);
        }
        return take();
    }

    /** Goes into a bracket or block; unlimited nesting would exhaust the stack. */
    void descend() {
        if (++nesting > TemplateLimits.NESTING) {
            throw error(
                    "brackets and blocks are nested more than " + TemplateLimits.NESTING + " deep");
        }
    }

    void ascend() {
        nesting--;
    }

    TemplateException unexpected(String expected) {
        return error("expected " + expected + ", got " + peek().describe());
    }

    TemplateException error(String message) {
        return new TemplateException("line " + line() + ": " + message);
    }
}
