package dev.millrace.engine.constrain;

import java.util.Arrays;

/**
 * Everything that the text so far may be in the middle of: states with their frames. Immutable but
 * for what it remembers, so a place to return to needs no more than a reference.
 */
final class Configuration {

    private final int[] states;
    private final Frame[] frames; // (states)
    private final boolean accepting;
    private final int hash;
    private final Configuration[] next; // (byte classes): null where not known yet
    private TokenMask mask; // null until it is known

    Configuration(int[] states, Frame[] frames, boolean accepting, int byteClasses) {
        this.states = states;
        this.frames = frames;
        this.accepting = accepting;
        next = new Configuration[byteClasses];
        int mixed = Arrays.hashCode(states) * 31 + Boolean.hashCode(accepting);
        for (Frame frame : frames) {
            mixed = 31 * mixed + Long.hashCode(frame.id());
        }
        hash = mixed;
    }

    int items() {
        return states.length;
    }

    int state(int item) {
        return states[item];
    }

    Frame frame(int item) {
        return frames[item];
    }

    /** Whether the text may end here. */
    boolean accepting() {
        return accepting;
    }

    /** Whether the text cannot go on. */
    boolean isFinal() {
        return states.length == 0;
    }

    Configuration next(int byteClass) {
        return next[byteClass];
    }

    void next(int byteClass, Configuration configuration) {
        next[byteClass] = configuration;
    }

    TokenMask mask() {
        return mask;
    }

    void mask(TokenMask known) {
        mask = known;
    }

    static boolean sameObjects(Object[] a, Object[] b) {
        if (a.length != b.length) {
            return false;
        }
        for (int i = 0; i < a.length; i++) {
            if (a[i] != b[i]) {
                return false;
            }
        }
        return true;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Configuration configuration
                && accepting == configuration.accepting
                && Arrays.equals(states, configuration.states)
                && sameObjects(frames, configuration.frames);
    }

    @Override
    public int hashCode() {
        return hash;
    }
}
