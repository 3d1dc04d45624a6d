package dev.millrace.models.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A part of a template that has a value. */
interface Expression {

    /** Computes the value; called through {@link #value} alone, which keeps the limits. */
    Object evaluate(Scope scope);

    default Object value(Scope scope) {
        Rendering rendering = scope.rendering();
        rendering.enter();
        Object value = evaluate(scope);
        rendering.leave();
        return value;
    }

    /** The values of several expressions, in order. */
    static List<Object> values(List<Expression> expressions, Scope scope) {
        List<Object> values = new ArrayList<>(expressions.size());
        for (Expression expression : expressions) {
            values.add(expression.value(scope));
        }
        return values;
    }

    /** @param value None, a bool, a number or a text */
    record Literal(Object value) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return value;
        }
    }

    record Variable(String name) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return scope.get(name);
        }
    }

    record ListDisplay(List<Expression> items) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return values(items, scope);
        }
    }

    record TupleDisplay(List<Expression> items) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return new Tuple(values(items, scope));
        }
    }

    /** Keys and values, pair by pair. */
    record DictDisplay(List<Expression> keys, List<Expression> values) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            Map<Object, Object> map = new LinkedHashMap<>();
            for (int i = 0; i < keys.size(); i++) {
                map.put(Values.newKey(keys.get(i).value(scope)), values.get(i).value(scope));
            }
            return map;
        }
    }

    /** {@code chosen if condition else otherwise}; undefined where there is no otherwise (null). */
    record Conditional(Expression condition, Expression chosen,
            Expression otherwise) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            if (Values.truth(condition.value(scope))) {
                return chosen.value(scope);
            }
            return otherwise == null
                    ? new Undefined(
                            "an inline if was false and there was no else")
                    : otherwise.value(scope);
        }
    }

    /** Python's and: the first operand that is false, else the last one. */
    record And(List<Expression> operands) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            Object value = null;
            for (Expression operand : operands) {
                value = operand.value(scope);
                if (!Values.truth(value)) {
                    break;
                }
            }
            return value;
        }
    }

    /** Python's or: the first operand that is true, else the last one. */
    record Or(List<Expression> operands) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            Object value = null;
            for (Expression operand : operands) {
                value = operand.value(scope);
                if (Values.truth(value)) {
                    break;
                }
            }
            return value;
        }
    }

    record Not(Expression operand) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return !Values.truth(operand.value(scope));
        }
    }
}
