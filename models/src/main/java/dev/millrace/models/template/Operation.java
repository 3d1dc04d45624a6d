package dev.millrace.models.template;

import java.util.List;

/** Operators on values. */
interface Operation extends Expression {

    /** Operands of equal precedence with the operators between them, from the left. */
    record Chain(Expression first, List<String> operators,
            List<Expression> rest) implements Operation {
        @Override
        public Object evaluate(Scope scope) {
            Object value = first.value(scope);
            for (int i = 0; i < operators.size(); i++) {
                Object right = rest.get(i).value(scope);
                value = Arithmetic.apply(operators.get(i), value, right, scope.rendering());
            }
            return value;
        }
    }

    record Sign(boolean minus, Expression operand) implements Operation {
        @Override
        public Object evaluate(Scope scope) {
            Object value = operand.value(scope);
            return minus ? Arithmetic.negate(value) : Arithmetic.plus(value);
        }
    }

    /** {@code a ~ b ~ c}: joins what the operands print. */
    record Concatenation(List<Expression> operands) implements Operation {
        @Override
        public Object evaluate(Scope scope) {
            TextBuilder builder = new TextBuilder(scope.rendering());
            for (Expression operand : operands) {
                builder.append(Printer.text(operand.value(scope), scope.rendering()));
            }
            return builder.toText();
        }
    }

    /** {@code a < b == c}: every neighbouring pair must hold; stops at the first that does not. */
    record Comparisons(Expression first, List<String> operators,
            List<Expression> rest) implements Operation {
        @Override
        public Object evaluate(Scope scope) {
            Object left = first.value(scope);
            for (int i = 0; i < operators.size(); i++) {
                Object right = rest.get(i).value(scope);
                if (!holds(operators.get(i), left, right, scope.rendering())) {
                    return false;
                }
                left = right;
            }
            return true;
        }

        private static boolean holds(String operator, Object left, Object right,
                Rendering rendering) {
            return switch (operator) {
                case "==" -> Comparison.equal(left, right, rendering);
                case "!=" -> !Comparison.equal(left, right, rendering);
                case "in" -> Comparison.contains(right, left, rendering);
                case "not in" -> !Comparison.contains(right, left, rendering);
                default -> Comparison.ordered(operator, left, right, rendering);
            };
        }
    }
}
