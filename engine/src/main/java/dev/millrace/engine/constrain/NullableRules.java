package dev.millrace.engine.constrain;

import dev.millrace.engine.constrain.Expression.Both;
import dev.millrace.engine.constrain.Expression.Bytes;
import dev.millrace.engine.constrain.Expression.Call;
import dev.millrace.engine.constrain.Expression.Characters;
import dev.millrace.engine.constrain.Expression.Choice;
import dev.millrace.engine.constrain.Expression.Repeat;
import dev.millrace.engine.constrain.Expression.Sequence;
import dev.millrace.engine.constrain.Expression.Without;
import java.util.BitSet;

/** Finds the rules that the empty text satisfies. */
final class NullableRules {

    private final BitSet nullable = new BitSet();

    private NullableRules() {}

    static BitSet of(Grammar grammar) {
        NullableRules found = new NullableRules();
        boolean changed = true;
        while (changed) {
            changed = false;
            // From the last: rules mostly call those that come after them.
            for (int rule = grammar.rules().size() - 1; rule >= 0; rule--) {
                if (!found.nullable.get(rule)
                        && found.isNullable(grammar.rules().get(rule).body())) {
                    found.nullable.set(rule);
                    changed = true;
                }
            }
        }
        return found.nullable;
    }

    private boolean isNullable(Expression expression) {
        return switch (expression) {
            case Bytes text -> text.bytes().length == 0;
            case Characters _ -> false;
            case Call call -> nullable.get(call.rule());
            case Sequence sequence -> sequence.parts().stream().allMatch(this::isNullable);
            case Choice choice -> choice.options().stream().anyMatch(this::isNullable);
            case Repeat repeat -> repeat.least() == 0 || isNullable(repeat.body());
            case Both both -> isNullable(both.first()) && isNullable(both.second());
            case Without without -> isNullable(without.kept())
                    && !isNullable(without.removed());
        };
    }
}
