package dev.millrace.engine.constrain;

import java.util.Arrays;

/** A nondeterministic automaton over bytes, with calls of rules as further symbols. */
final class Nfa {

    /** Labels: a range of bytes is {@code first << 8 | last}, a call of rule r is -2 - r. */
    static final int EPSILON = -1;

    static final int START = 0;
    static final int END = 1;

    private int states = 2;
    private int[] firstEdges = {-1, -1, -1, -1}; // (states): an edge, or -1
    private int edges;
    private int[] nextEdges = new int[8]; // (edges): of the same state, or -1
    private int[] labels = new int[8]; // (edges)
    private int[] targets = new int[8]; // (edges)

    int addState() {
        if (states == firstEdges.length) {
            firstEdges = Arrays.copyOf(firstEdges, 2 * states);
        }
        firstEdges[states] = -1;
        return states++;
    }

    int states() {
        return states;
    }

    private void addEdge(int from, int label, int to) {
        if (edges == labels.length) {
            nextEdges = Arrays.copyOf(nextEdges, 2 * edges);
            labels = Arrays.copyOf(labels, 2 * edges);
            targets = Arrays.copyOf(targets, 2 * edges);
        }
        nextEdges[edges] = firstEdges[from];
        labels[edges] = label;
        targets[edges] = to;
        firstEdges[from] = edges++;
    }

    void addEpsilon(int from, int to) {
        addEdge(from, EPSILON, to);
    }

    /** An edge for the bytes from {@code first} to {@code last}. */
    void addBytes(int from, int first, int last, int to) {
        addEdge(from, first << 8 | last, to);
    }

    void addCall(int from, int rule, int to) {
        addEdge(from, -2 - rule, to);
    }

    /** A state's first edge, or -1. */
    int firstEdge(int state) {
        return firstEdges[state];
    }

    /** The next edge of the same state, or -1. */
    int nextEdge(int edge) {
        return nextEdges[edge];
    }

    int target(int edge) {
        return targets[edge];
    }

    boolean isEpsilon(int edge) {
        return labels[edge] == EPSILON;
    }

    boolean isCall(int edge) {
        return labels[edge] < EPSILON;
    }

    int rule(int edge) {
        return -2 - labels[edge];
    }

    int firstByte(int edge) {
        return labels[edge] >> 8;
    }

    int lastByte(int edge) {
        return labels[edge] & 0xFF;
    }

    /** Marks where the bytes of any edge begin, and what follows their end. */
    void markBounds(boolean[] bounds) {
        for (int edge = 0; edge < edges; edge++) {
            if (labels[edge] >= 0) {
                bounds[firstByte(edge)] = true;
                bounds[lastByte(edge) + 1] = true;
            }
        }
    }
}
