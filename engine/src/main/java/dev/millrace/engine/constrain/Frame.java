package dev.millrace.engine.constrain;

import java.util.Arrays;

/**
 * What may follow the rule that is being read: states to go on in, each with the frame of the rule
 * it belongs to. Rules called at the same place share a frame, so that stacks that differ only
 * further down are one (Scott and Johnstone, "GLL parsing", 2010). Equal frames are one object.
 */
final class Frame {

    /** In place of a state: the whole text may end. */
    static final int FINISH = -1;

    private final int[] returnStates;
    private final Frame[] parents; // null for FINISH
    private final long id;
    private final int hash;
    private Configuration returned;

    Frame(int[] returnStates, Frame[] parents, long id) {
        this.returnStates = returnStates;
        this.parents = parents;
        this.id = id;
        int mixed = Arrays.hashCode(returnStates);
        for (Frame parent : parents) {
            mixed = 31 * mixed + (parent == null ? 0 : Long.hashCode(parent.id));
        }
        hash = mixed;
    }

    /** Orders frames; equal for the same frame only. */
    long id() {
        return id;
    }

    int returns() {
        return returnStates.length;
    }

    int returnState(int index) {
        return returnStates[index];
    }

    Frame parent(int index) {
        return parents[index];
    }

    /** What is possible once the rule has ended; null until it is known. */
    Configuration returned() {
        return returned;
    }

    void returned(Configuration configuration) {
        returned = configuration;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Frame frame && Arrays.equals(returnStates, frame.returnStates)
                && Configuration.sameObjects(parents, frame.parents);
    }

    @Override
    public int hashCode() {
        return hash;
    }
}
