package dev.millrace.models.template;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Ways from a value to another one: its members, calling it, filters and tests. */
interface Access extends Expression {

    record Attribute(Expression target, Text name) implements Access {
        @Override
        public Object evaluate(Scope scope) {
            return Members.attribute(target.value(scope), name);
        }
    }

    record Item(Expression target, Expression key) implements Access {
        @Override
        public Object evaluate(Scope scope) {
            return Members.item(target.value(scope), key.value(scope), scope.rendering());
        }
    }

    /** {@code target[start:stop:step]}; bounds that are not given are null. */
    record Slice(Expression target, Expression start, Expression stop,
            Expression step) implements Access {
        @Override
        public Object evaluate(Scope scope) {
            Object sliced = target.value(scope);
            return new Slicing(bound(start, scope), bound(stop, scope), bound(step, scope))
                    .of(sliced, scope.rendering());
        }

        private static Object bound(Expression expression, Scope scope) {
            return expression == null ? null : expression.value(scope);
        }
    }

    /** The arguments of a call before they are evaluated. */
    record ArgumentList(List<Expression> positional, Map<String, Expression> named) {

        static final ArgumentList NONE = new ArgumentList(List.of(), Map.of());

        Arguments evaluate(Scope scope) {
            List<Object> values = positional.isEmpty()
                    ? List.of()
                    : Expression.values(positional, scope);
            if (named.isEmpty()) {
                return new Arguments(values, Map.of());
            }
            Map<String, Object> namedValues = new LinkedHashMap<>();
            named.forEach((name, expression) -> namedValues.put(name, expression.value(scope)));
            return new Arguments(values, namedValues);
        }
    }

    record Call(Expression target, ArgumentList arguments) implements Access {
        @Override
        public Object evaluate(Scope scope) {
            return call(target.value(scope), arguments.evaluate(scope), scope);
        }

        /** Calls with one more named argument. */
        Object evaluateWith(String name, Object value, Scope scope) {
            Object function = target.value(scope);
            Arguments given = arguments.evaluate(scope);
            Map<String, Object> named = new LinkedHashMap<>(given.named());
            named.put(name, value);
            return call(function, new Arguments(given.positional(), named), scope);
        }

        private static Object call(Object function, Arguments arguments, Scope scope) {
            if (function instanceof Undefined undefined) {
                throw undefined.refuse();
            }
            if (function instanceof TemplateFunction callable) {
                return callable.call(arguments, scope.rendering());
            }
            throw new EvaluationException(
                    "'" + Values.typeName(function) + "' object is not callable");
        }
    }

    /** {@code value | filter(arguments)}; the filter is null if there is none of the name. */
    record Filtered(Expression operand, String name, Filter filter,
            ArgumentList arguments) implements Access {
        @Override
        public Object evaluate(Scope scope) {
            if (filter == null) {
                throw Filters.unknown(name);
            }
            return filter.apply(operand.value(scope), arguments.evaluate(scope), scope.rendering());
        }
    }

    /** {@code value is test(arguments)}; the test is null if there is none of the name. */
    record Tested(Expression operand, String name, ValueTest test,
            ArgumentList arguments) implements Access {
        @Override
        public Object evaluate(Scope scope) {
            if (test == null) {
                throw ValueTests.unknown(name);
            }
            return test.holds(operand.value(scope), arguments.evaluate(scope), scope.rendering());
        }
    }
}
