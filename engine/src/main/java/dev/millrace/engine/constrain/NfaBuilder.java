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

/** Turns a rule's body into an automaton, by Thompson's construction (1968). */
final class NfaBuilder {

    private final BitSet nullableRules;
    private final CompilingBudget budget;
    private final Nfa nfa = new Nfa();

    private NfaBuilder(BitSet nullableRules, CompilingBudget budget) {
        this.nullableRules = nullableRules;
        this.budget = budget;
    }

    /**
     * Builds the automaton of a rule.
     *
     * @param nullableRules rules that may be empty: calling these may also be skipped, so that the
     *                      automaton never has to follow a call that takes no byte
     */
    static Nfa build(Expression body, BitSet nullableRules, CompilingBudget budget) {
        long size = size(body);
        budget.takeNfaStates(size);
        NfaBuilder builder = new NfaBuilder(nullableRules, budget);
        builder.add(body, Nfa.START, Nfa.END);
        return builder.nfa;
    }

    /** About how many states an expression takes; saturates, so that nothing huge is built. */
    private static long size(Expression expression) {
        return switch (expression) {
            case Bytes text -> text.bytes().length;
            case Characters characters -> 1 + 3L * characters.set().ranges();
            case Call _ -> 1;
            case Sequence sequence -> sum(sequence.parts());
            case Choice choice -> sum(choice.options());
            case Repeat repeat -> times(2 + size(repeat.body()),
                    repeat.most() == Repeat.UNBOUNDED ? repeat.least() + 1L : repeat.most());
            case Both both -> size(both.first()) + size(both.second());
            case Without without -> size(without.kept()) + size(without.removed());
        };
    }

    private static long sum(Iterable<Expression> parts) {
        long sum = 1;
        for (Expression part : parts) {
            sum = Math.min(Integer.MAX_VALUE, sum + size(part));
        }
        return sum;
    }

    private static long times(long size, long count) {
        return Math.min(Integer.MAX_VALUE, size * count);
    }

    private void add(Expression expression, int from, int to) {
        switch (expression) {
            case Bytes text -> addBytes(text.bytes(), from, to);
            case Characters characters -> Utf8Ranges.add(nfa, characters.set(), from, to);
            case Call call -> {
                nfa.addCall(from, call.rule(), to);
                if (nullableRules.get(call.rule())) {
                    nfa.addEpsilon(from, to);
                }
            }
            case Sequence sequence -> {
                int state = from;
                for (Expression part : sequence.parts()) {
                    int next = nfa.addState();
                    add(part, state, next);
                    state = next;
                }
                nfa.addEpsilon(state, to);
            }
            case Choice choice -> choice.options().forEach(option -> add(option, from, to));
            case Repeat repeat -> addRepeat(repeat, from, to);
            case Both both -> embed(DfaProduct.both(dfa(both.first()), dfa(both.second()), budget),
                    from, to);
            case Without without -> embed(
                    DfaProduct.without(dfa(without.kept()), dfa(without.removed()), budget), from,
                    to);
        }
    }

    private void addBytes(byte[] bytes, int from, int to) {
        int state = from;
        for (byte value : bytes) {
            int next = nfa.addState();
            nfa.addBytes(state, value & 0xFF, value & 0xFF, next);
            state = next;
        }
        nfa.addEpsilon(state, to);
    }

    private void addRepeat(Repeat repeat, int from, int to) {
        int state = from;
        for (int i = 0; i < repeat.least(); i++) {
            int next = nfa.addState();
            add(repeat.body(), state, next);
            state = next;
        }
        if (repeat.most() == Repeat.UNBOUNDED) {
            // A state of its own: nothing else may lead back into the loop.
            int loop = nfa.addState();
            nfa.addEpsilon(state, loop);
            add(repeat.body(), loop, loop);
            state = loop;
        } else {
            for (int i = repeat.least(); i < repeat.most(); i++) {
                nfa.addEpsilon(state, to);
                int next = nfa.addState();
                add(repeat.body(), state, next);
                state = next;
            }
        }
        nfa.addEpsilon(state, to);
    }

    private Dfa dfa(Expression expression) {
        Nfa part = build(expression, nullableRules, budget);
        boolean[] bounds = new boolean[257];
        part.markBounds(bounds);
        return Determiniser.run(part, new ByteClasses(bounds), budget);
    }

    private void embed(Dfa dfa, int from, int to) {
        budget.takeNfaStates(dfa.states());
        int[] states = new int[dfa.states()];
        for (int state = 0; state < states.length; state++) {
            states[state] = nfa.addState();
        }
        nfa.addEpsilon(from, states[0]);
        for (int state = 0; state < states.length; state++) {
            if (dfa.accepts(state)) {
                nfa.addEpsilon(states[state], to);
            }
            for (int edge = dfa.edgesBegin(state); edge < dfa.edgesEnd(state); edge++) {
                int byteClass = dfa.edgeClass(edge);
                nfa.addBytes(states[state], dfa.classes().firstByte(byteClass),
                        dfa.classes().lastByte(byteClass), states[dfa.edgeTarget(edge)]);
            }
        }
    }
}
