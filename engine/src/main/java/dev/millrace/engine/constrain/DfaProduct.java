package dev.millrace.engine.constrain;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What two automatons say together. Neither has calls. */
final class DfaProduct {

    private static final int DEAD = -1;

    private final Dfa first;
    private final Dfa second;
    private final boolean complement; // of the second
    private final CompilingBudget budget;
    private final Map<Long, Integer> numbers = new HashMap<>();
    private final List<Long> pairs = new ArrayList<>();

    private DfaProduct(Dfa first, Dfa second, boolean complement, CompilingBudget budget) {
        this.first = first;
        this.second = second;
        this.complement = complement;
        this.budget = budget;
    }

    /** What both accept. */
    static Dfa both(Dfa first, Dfa second, CompilingBudget budget) {
        return new DfaProduct(first, second, false, budget).run();
    }

    /** What the first accepts and the second does not. */
    static Dfa without(Dfa first, Dfa second, CompilingBudget budget) {
        return new DfaProduct(first, second, true, budget).run();
    }

    private Dfa run() {
        boolean[] bounds = new boolean[257];
        for (Dfa dfa : List.of(first, second)) {
            for (int c = 0; c < dfa.classes().count(); c++) {
                bounds[dfa.classes().firstByte(c)] = true;
            }
        }
        ByteClasses classes = new ByteClasses(bounds);
        Dfa product = new Dfa(classes);
        number(0, 0);
        for (int state = 0; state < pairs.size(); state++) {
            int a = (int) (pairs.get(state) >> 32);
            int b = (int) (long) pairs.get(state);
            if (first.callsBegin(a) < first.callsEnd(a)
                    || b != DEAD && second.callsBegin(b) < second.callsEnd(b)) {
                throw new IllegalStateException("a product of rules that call others");
            }
            for (int c = 0; c < classes.count(); c++) {
                int value = classes.firstByte(c);
                int nextA = first.next(a, first.classes().of(value));
                int nextB = b == DEAD ? DEAD : second.next(b, second.classes().of(value));
                if (nextA != DEAD && (complement || nextB != DEAD)) {
                    product.addEdge(c, number(nextA, nextB));
                }
            }
            product.endState(first.accepts(a)
                    && (b != DEAD && second.accepts(b)) != complement);
        }
        return product;
    }

    private int number(int a, int b) {
        long pair = (long) a << 32 | b & 0xFFFFFFFFL;
        Integer known = numbers.get(pair);
        if (known != null) {
            return known;
        }
        budget.takeState();
        numbers.put(pair, pairs.size());
        pairs.add(pair);
        return pairs.size() - 1;
    }
}
