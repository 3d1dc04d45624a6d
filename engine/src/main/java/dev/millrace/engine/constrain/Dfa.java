package dev.millrace.engine.constrain;

import java.util.Arrays;
import java.util.BitSet;

/**
 * A deterministic automaton over classes of bytes, with calls of rules as further symbols. State 0
 * is the start; states are added in order, each with its edges.
 */
final class Dfa {

    private final ByteClasses classes;
    private final BitSet accepting = new BitSet();
    private int states;
    private int[] edgesEnds = new int[16]; // (states)
    private int[] callsEnds = new int[16]; // (states)
    private int edges;
    private short[] edgeClasses = new short[16]; // (edges), ascending in a state
    private int[] edgeTargets = new int[16]; // (edges)
    private int calls;
    private int[] callRules = new int[4]; // (calls)
    private int[] callTargets = new int[4]; // (calls): where to go on after it

    Dfa(ByteClasses classes) {
        this.classes = classes;
    }

    ByteClasses classes() {
        return classes;
    }

    int states() {
        return states;
    }

    /** Adds an edge to the state that {@link #endState} will end. */
    void addEdge(int byteClass, int target) {
        if (edges == edgeTargets.length) {
            edgeClasses = Arrays.copyOf(edgeClasses, 2 * edges);
            edgeTargets = Arrays.copyOf(edgeTargets, 2 * edges);
        }
        edgeClasses[edges] = (short) byteClass;
        edgeTargets[edges++] = target;
    }

    /** Adds a call to the state that {@link #endState} will end. */
    void addCall(int rule, int target) {
        if (calls == callTargets.length) {
            callRules = Arrays.copyOf(callRules, 2 * calls);
            callTargets = Arrays.copyOf(callTargets, 2 * calls);
        }
        callRules[calls] = rule;
        callTargets[calls++] = target;
    }

    void endState(boolean accepts) {
        if (states == edgesEnds.length) {
            edgesEnds = Arrays.copyOf(edgesEnds, 2 * states);
            callsEnds = Arrays.copyOf(callsEnds, 2 * states);
        }
        edgesEnds[states] = edges;
        callsEnds[states] = calls;
        accepting.set(states++, accepts);
    }

    boolean accepts(int state) {
        return accepting.get(state);
    }

    int edgesBegin(int state) {
        return state == 0 ? 0 : edgesEnds[state - 1];
    }

    int edgesEnd(int state) {
        return edgesEnds[state];
    }

    int edgeClass(int edge) {
        return edgeClasses[edge];
    }

    int edgeTarget(int edge) {
        return edgeTargets[edge];
    }

    int callsBegin(int state) {
        return state == 0 ? 0 : callsEnds[state - 1];
    }

    int callsEnd(int state) {
        return callsEnds[state];
    }

    int callRule(int call) {
        return callRules[call];
    }

    int callTarget(int call) {
        return callTargets[call];
    }

    /** Where a byte leads, or -1. */
    int next(int state, int byteClass) {
        int begin = edgesBegin(state);
        int end = edgesEnds[state];
        if (end - begin == classes.count()) {
            return edgeTargets[begin + byteClass];
        }
        int edge = Arrays.binarySearch(edgeClasses, begin, end, (short) byteClass);
        return edge < 0 ? -1 : edgeTargets[edge];
    }
}
