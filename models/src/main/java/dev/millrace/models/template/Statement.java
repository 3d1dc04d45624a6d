package dev.millrace.models.template;

import java.util.List;

/** A part of a template that writes text or sets variables. */
interface Statement {

    /** How a statement ended: normally, or on its way out of (the rest of) a loop's body. */
    enum Flow {
        NEXT,
        BREAK,
        CONTINUE
    }

    /** Executes the statement; called through {@link #run} alone, which keeps the limits. */
    Flow execute(Scope scope, TextBuilder out);

    default Flow run(Scope scope, TextBuilder out) {
        Rendering rendering = scope.rendering();
        rendering.enter();
        Flow flow = execute(scope, out);
        rendering.leave();
        return flow;
    }

    record Sequence(List<Statement> statements) implements Statement {
        @Override
        public Flow execute(Scope scope, TextBuilder out) {
            for (Statement statement : statements) {
                Flow flow = statement.run(scope, out);
                if (flow != Flow.NEXT) {
                    return flow;
                }
            }
            return Flow.NEXT;
        }
    }

    /** The text between tags. */
    record Verbatim(String text) implements Statement {
        @Override
        public Flow execute(Scope scope, TextBuilder out) {
            out.append(text);
            return Flow.NEXT;
        }
    }

    record Print(Expression expression, int line) implements Statement {
        @Override
        public Flow execute(Scope scope, TextBuilder out) {
            scope.rendering().at(line);
            out.append(Printer.text(expression.value(scope), scope.rendering()));
            return Flow.NEXT;
        }
    }

    /** {@code break} and {@code continue}. */
    record Jump(Flow flow) implements Statement {
        @Override
        public Flow execute(Scope scope, TextBuilder out) {
            return flow;
        }
    }

    /** One condition and its body; an else branch has the condition true. */
    record Branch(Expression condition, Statement body, int line) {}

    record If(List<Branch> branches) implements Statement {
        @Override
        public Flow execute(Scope scope, TextBuilder out) {
            for (Branch branch : branches) {
                scope.rendering().at(branch.line());
                if (Values.truth(branch.condition().value(scope))) {
                    return branch.body().run(scope, out);
                }
            }
            return Flow.NEXT;
        }
    }

    record Assign(Target target, Expression value, int line) implements Statement {
        @Override
        public Flow execute(Scope scope, TextBuilder out) {
            scope.rendering().at(line);
            target.assign(value.value(scope), scope);
            return Flow.NEXT;
        }
    }

    /** Runs a body in a scope of its own and hands on what it wrote, filtered. */
    record Capture(Statement body, Expression filtered) {

        /** The variable under which the filters find the text; no template can name it. */
        static final String TEXT_NAME = "captured text";

        Flow run(Scope scope, TextBuilder captured) {
            return body.run(scope.inner(), captured);
        }

        Object result(Scope scope, TextBuilder captured) {
            if (filtered == null) {
                return captured.toText();
            }
            Scope inner = scope.inner();
            inner.set(TEXT_NAME, captured.toText());
            return filtered.value(inner);
        }
    }

    /** {@code {% set target | filter %}...{% endset %}}. */
    record AssignBlock(Target target, Capture capture, int line) implements Statement {
        @Override
        public Flow execute(Scope scope, TextBuilder out) {
            TextBuilder captured = new TextBuilder(scope.rendering());
            Flow flow = capture.run(scope, captured);
            if (flow == Flow.NEXT) {
                scope.rendering().at(line);
                target.assign(capture.result(scope, captured), scope);
            }
            return flow;
        }
    }

    /** {@code {% filter name %}...{% endfilter %}}. */
    record FilterBlock(Capture capture, int line) implements Statement {
        @Override
        public Flow execute(Scope scope, TextBuilder out) {
            TextBuilder captured = new TextBuilder(scope.rendering());
            Flow flow = capture.run(scope, captured);
            if (flow == Flow.NEXT) {
                scope.rendering().at(line);
                out.append(Printer.text(capture.result(scope, captured), scope.rendering()));
            }
            return flow;
        }
    }

    /** A body with variables of its own: {@code with}, and {@code generation} without any. */
    record Scoped(List<Target> targets, List<Expression> values, Statement body,
            int line) implements Statement {
        @Override
        public Flow execute(Scope scope, TextBuilder out) {
            scope.rendering().at(line);
            List<Object> outerValues = Expression.values(values, scope);
            Scope inner = scope.inner();
            for (int i = 0; i < targets.size(); i++) {
                targets.get(i).assign(outerValues.get(i), inner);
            }
            return body.run(inner, out);
        }
    }

    record DefineMacro(Macro.Signature signature) implements Statement {
        @Override
        public Flow execute(Scope scope, TextBuilder out) {
            scope.set(signature.name(), new Macro(signature, scope));
            return Flow.NEXT;
        }
    }

    /** {@code {% call(parameters) macro(arguments) %}...{% endcall %}}. */
    record CallBlock(Macro.Signature caller, Access.Call call, int line) implements Statement {
        @Override
        public Flow execute(Scope scope, TextBuilder out) {
            scope.rendering().at(line);
            Object result = call.evaluateWith("caller", new Macro(caller, scope), scope);
            out.append(Printer.text(result, scope.rendering()));
            return Flow.NEXT;
        }
    }
}
