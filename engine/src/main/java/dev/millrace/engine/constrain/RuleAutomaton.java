package dev.millrace.engine.constrain;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * All rules of a grammar as one table: a deterministic automaton each, numbered through. Every
 * state left in it can come to an end, and no rule calls itself before it has taken a byte.
 */
final class RuleAutomaton {

    private final Grammar grammar;
    private final ByteClasses classes;
    private final Dfa[] rules;
    private final int[] firstStates; // (rules + 1)
    private final BitSet alive = new BitSet(); // (states)
    private final int[] ranks; // (rules): a rule's left calls have higher ranks
    private final int[] ruleOfRank;
    private final int[] ruleOfState;

    private RuleAutomaton(Grammar grammar, ByteClasses classes, Dfa[] rules) {
        this.grammar = grammar;
        this.classes = classes;
        this.rules = rules;
        firstStates = new int[rules.length + 1];
        for (int rule = 0; rule < rules.length; rule++) {
            firstStates[rule + 1] = firstStates[rule] + rules[rule].states();
        }
        ruleOfState = new int[firstStates[rules.length]];
        for (int rule = 0; rule < rules.length; rule++) {
            Arrays.fill(ruleOfState, firstStates[rule], firstStates[rule + 1], rule);
        }
        new LiveStates().mark();
        ranks = new int[rules.length];
        ruleOfRank = new LeftCalls(rules, this::isCallAlive, this::name).order();
        for (int rank = 0; rank < ruleOfRank.length; rank++) {
            ranks[ruleOfRank[rank]] = rank;
        }
    }

    /** @throws GrammarException if the grammar is too large, endless or left-recursive */
    static RuleAutomaton compile(Grammar grammar) {
        CompilingBudget budget = new CompilingBudget();
        BitSet nullable = NullableRules.of(grammar);
        List<Nfa> nfas = new ArrayList<>();
        boolean[] bounds = new boolean[257];
        for (Grammar.Rule rule : grammar.rules()) {
            Nfa nfa = NfaBuilder.build(rule.body(), nullable, budget);
            nfa.markBounds(bounds);
            nfas.add(nfa);
        }
        ByteClasses classes = new ByteClasses(bounds);
        Dfa[] rules = nfas.stream().map(nfa -> Determiniser.run(nfa, classes, budget))
                .toArray(Dfa[]::new);
        RuleAutomaton automaton = new RuleAutomaton(grammar, classes, rules);
        if (!automaton.isAlive(automaton.start(0))) {
            throw new GrammarException("no text satisfies the constraint: its rule "
                    + automaton.name(0) + " never comes to an end");
        }
        return automaton;
    }

    private String name(int rule) {
        return grammar.rules().get(rule).name();
    }

    ByteClasses classes() {
        return classes;
    }

    int rules() {
        return rules.length;
    }

    int states() {
        return ruleOfState.length;
    }

    int start(int rule) {
        return firstStates[rule];
    }

    int rank(int rule) {
        return ranks[rule];
    }

    int ruleOfRank(int rank) {
        return ruleOfRank[rank];
    }

    boolean isAlive(int state) {
        return alive.get(state);
    }

    /** Whether a rule may end in this state. */
    boolean accepts(int state) {
        int rule = ruleOfState[state];
        return rules[rule].accepts(state - firstStates[rule]);
    }

    /** Where a byte leads, or -1. */
    int next(int state, int byteClass) {
        int rule = ruleOfState[state];
        int next = rules[rule].next(state - firstStates[rule], byteClass);
        return next >= 0 && alive.get(firstStates[rule] + next) ? firstStates[rule] + next : -1;
    }

    /** How many bytes lead on from a state, about. */
    int breadth(int state) {
        Dfa dfa = rules[ruleOfState[state]];
        int local = state - firstStates[ruleOfState[state]];
        int bytes = 0;
        for (int edge = dfa.edgesBegin(local); edge < dfa.edgesEnd(local); edge++) {
            int byteClass = dfa.edgeClass(edge);
            bytes += classes.lastByte(byteClass) - classes.firstByte(byteClass) + 1;
        }
        return bytes;
    }

    boolean hasBytes(int state) {
        for (int byteClass = 0; byteClass < classes.count(); byteClass++) {
            if (next(state, byteClass) >= 0) {
                return true;
            }
        }
        return false;
    }

    /** Passes on each call of a state: the rule, and the state to go on in after it. */
    void calls(int state, CallConsumer consumer) {
        int rule = ruleOfState[state];
        Dfa dfa = rules[rule];
        int local = state - firstStates[rule];
        for (int call = dfa.callsBegin(local); call < dfa.callsEnd(local); call++) {
            if (isCallAlive(rule, call)) {
                consumer.accept(dfa.callRule(call), firstStates[rule] + dfa.callTarget(call));
            }
        }
    }

    private boolean isCallAlive(int rule, int call) {
        return alive.get(firstStates[rules[rule].callRule(call)])
                && alive.get(firstStates[rule] + rules[rule].callTarget(call));
    }

    /** Takes a call of a rule. */
    interface CallConsumer {
        void accept(int rule, int returnState);
    }

    /** Marks the states from which a rule can come to its end, backwards from there. */
    private final class LiveStates {

        private final IntList work = new IntList();
        private final IntList[] before = new IntList[ruleOfState.length]; // by a byte
        private final IntList[] callers = new IntList[ruleOfState.length]; // of target and start

        void mark() {
            for (int rule = 0; rule < rules.length; rule++) {
                for (int local = 0; local < rules[rule].states(); local++) {
                    link(rule, local);
                }
            }
            while (!work.isEmpty()) {
                int state = work.removeLast();
                if (before[state] != null) {
                    for (int i = 0; i < before[state].size(); i++) {
                        add(before[state].get(i));
                    }
                }
                if (callers[state] != null) {
                    for (int i = 0; i < callers[state].size(); i++) {
                        addCaller(callers[state].get(i));
                    }
                }
            }
        }

        private void link(int rule, int local) {
            Dfa dfa = rules[rule];
            int state = firstStates[rule] + local;
            if (dfa.accepts(local)) {
                add(state);
            }
            for (int edge = dfa.edgesBegin(local); edge < dfa.edgesEnd(local); edge++) {
                link(before, firstStates[rule] + dfa.edgeTarget(edge), state);
            }
            for (int call = dfa.callsBegin(local); call < dfa.callsEnd(local); call++) {
                link(callers, firstStates[rule] + dfa.callTarget(call), state);
                link(callers, firstStates[dfa.callRule(call)], state);
            }
        }

        private static void link(IntList[] lists, int state, int from) {
            if (lists[state] == null) {
                lists[state] = new IntList();
            }
            lists[state].add(from);
        }

        private void add(int state) {
            if (!alive.get(state)) {
                alive.set(state);
                work.add(state);
            }
        }

        private void addCaller(int state) {
            int rule = ruleOfState[state];
            Dfa dfa = rules[rule];
            int local = state - firstStates[rule];
            for (int call = dfa.callsBegin(local); call < dfa.callsEnd(local); call++) {
                if (isCallAlive(rule, call)) {
                    add(state);
                    return;
                }
            }
        }
    }
}
