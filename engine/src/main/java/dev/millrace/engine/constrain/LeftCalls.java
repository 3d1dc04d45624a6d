package dev.millrace.engine.constrain;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.IntFunction;

/** Orders rules so that each comes before those that it calls before it has taken a byte. */
final class LeftCalls {

    private final Dfa[] rules;
    private final CallFilter filter;
    private final IntFunction<String> names;

    /** Which calls there still are. */
    interface CallFilter {
        boolean isAlive(int rule, int call);
    }

    LeftCalls(Dfa[] rules, CallFilter filter, IntFunction<String> names) {
        this.rules = rules;
        this.filter = filter;
        this.names = names;
    }

    /**
     * The rules in that order.
     *
     * @throws GrammarException if there is none, because a rule calls itself
     */
    int[] order() {
        int[] callers = new int[rules.length];
        for (int rule = 0; rule < rules.length; rule++) {
            for (int call = 0; call < rules[rule].callsEnd(0); call++) {
                if (filter.isAlive(rule, call)) {
                    callers[rules[rule].callRule(call)]++;
                }
            }
        }
        Deque<Integer> free = new ArrayDeque<>();
        for (int rule = 0; rule < rules.length; rule++) {
            if (callers[rule] == 0) {
                free.add(rule);
            }
        }
        int[] order = new int[rules.length];
        int ordered = 0;
        while (!free.isEmpty()) {
            int rule = free.remove();
            order[ordered++] = rule;
            for (int call = 0; call < rules[rule].callsEnd(0); call++) {
                int called = rules[rule].callRule(call);
                if (filter.isAlive(rule, call) && --callers[called] == 0) {
                    free.add(called);
                }
            }
        }
        if (ordered < rules.length) {
            refuse(callers);
        }
        return order;
    }

    private void refuse(int[] callers) {
        for (int rule = 0; rule < rules.length; rule++) {
            // Rules that a cycle leads to are left too, so this looks for one that leads back.
            if (callers[rule] > 0 && reaches(rule, rule)) {
                throw new GrammarException("the rule " + names.apply(rule) + " is left-recursive:"
                        + " it can call itself before it has taken a character, and so never"
                        + " end; write the repetition with * or +, or put the recursion last");
            }
        }
        throw new IllegalStateException("rules that no order suits, and no cycle");
    }

    private boolean reaches(int from, int wanted) {
        boolean[] seen = new boolean[rules.length];
        Deque<Integer> work = new ArrayDeque<>();
        work.add(from);
        while (!work.isEmpty()) {
            int rule = work.remove();
            for (int call = 0; call < rules[rule].callsEnd(0); call++) {
                int called = rules[rule].callRule(call);
                if (called == wanted && filter.isAlive(rule, call)) {
                    return true;
                }
                if (filter.isAlive(rule, call) && !seen[called]) {
                    seen[called] = true;
                    work.add(called);
                }
            }
        }
        return false;
    }
}
