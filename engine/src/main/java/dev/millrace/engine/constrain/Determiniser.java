package dev.millrace.engine.constrain;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The subset construction (Rabin and Scott, 1959), within a budget. */
final class Determiniser {

    private final Nfa nfa;
    private final ByteClasses classes;
    private final CompilingBudget budget;
    private final Dfa dfa;
    private final Map<StateSet, Integer> numbers = new HashMap<>();
    private final List<StateSet> sets = new ArrayList<>();
    private final IntList[] byClass; // (classes): where a state's bytes lead, not closed
    private final int[] marks; // (nfa states): the closure that has seen it
    private int mark;
    private final IntList stack = new IntList();
    private final IntList members = new IntList();

    /** States of the other automaton, sorted. */
    private record StateSet(int[] states) {

        @Override
        public boolean equals(Object other) {
            return other instanceof StateSet set && Arrays.equals(states, set.states);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(states);
        }
    }

    private Determiniser(Nfa nfa, ByteClasses classes, CompilingBudget budget) {
        this.nfa = nfa;
        this.classes = classes;
        this.budget = budget;
        dfa = new Dfa(classes);
        marks = new int[nfa.states()];
        byClass = new IntList[classes.count()];
        for (int byteClass = 0; byteClass < byClass.length; byteClass++) {
            byClass[byteClass] = new IntList();
        }
    }

    /** @param classes at least as fine as the automaton's own */
    static Dfa run(Nfa nfa, ByteClasses classes, CompilingBudget budget) {
        Determiniser determiniser = new Determiniser(nfa, classes, budget);
        IntList start = new IntList();
        start.add(Nfa.START);
        determiniser.number(start);
        for (int state = 0; state < determiniser.sets.size(); state++) {
            determiniser.addState(determiniser.sets.get(state).states());
        }
        return determiniser.dfa;
    }

    private void addState(int[] set) {
        Map<Integer, IntList> byRule = null;
        boolean accepts = false;
        for (int member : set) {
            accepts |= member == Nfa.END;
            for (int edge = nfa.firstEdge(member); edge >= 0; edge = nfa.nextEdge(edge)) {
                if (nfa.isCall(edge)) {
                    byRule = byRule == null ? new TreeMap<>() : byRule;
                    byRule.computeIfAbsent(nfa.rule(edge), _ -> new IntList())
                            .add(nfa.target(edge));
                } else if (!nfa.isEpsilon(edge)) {
                    int last = classes.of(nfa.lastByte(edge));
                    for (int c = classes.of(nfa.firstByte(edge)); c <= last; c++) {
                        byClass[c].add(nfa.target(edge));
                    }
                }
            }
        }
        int before = -1;
        for (int c = 0; c < byClass.length; c++) {
            if (byClass[c].isEmpty()) {
                before = -1;
                continue;
            }
            budget.takeSteps(byClass[c].size());
            // Neighbours mostly lead to the same place.
            before = before >= 0 && byClass[c].sameAs(byClass[c - 1]) ? before : number(byClass[c]);
            dfa.addEdge(c, before);
        }
        for (IntList targets : byClass) {
            targets.clear();
        }
        if (byRule != null) {
            byRule.forEach((rule, targets) -> dfa.addCall(rule, number(targets)));
        }
        dfa.endState(accepts);
    }

    /** The number of the set that some states lead to without a byte. */
    private int number(IntList from) {
        mark++;
        members.clear();
        for (int i = 0; i < from.size(); i++) {
            push(from.get(i));
        }
        while (!stack.isEmpty()) {
            int state = stack.removeLast();
            boolean matters = state == Nfa.END;
            for (int edge = nfa.firstEdge(state); edge >= 0; edge = nfa.nextEdge(edge)) {
                if (nfa.isEpsilon(edge)) {
                    push(nfa.target(edge));
                } else {
                    matters = true;
                }
            }
            if (matters) {
                members.add(state);
            }
        }
        budget.takeSteps(members.size());
        StateSet set = new StateSet(members.sorted());
        Integer known = numbers.get(set);
        if (known != null) {
            return known;
        }
        budget.takeState();
        numbers.put(set, sets.size());
        sets.add(set);
        return sets.size() - 1;
    }

    private void push(int state) {
        if (marks[state] != mark) {
            marks[state] = mark;
            stack.add(state);
        }
    }
}
