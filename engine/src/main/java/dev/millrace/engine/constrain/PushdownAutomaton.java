package dev.millrace.engine.constrain;

import dev.millrace.engine.constrain.ItemSet.Item;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/**
 * Reads bytes by a grammar's rules. What it has found out it remembers, up to a limit, so that in
 * the long run a byte costs one look into a table. Not for several threads at a time.
 */
final class PushdownAutomaton {

    /** Where no text leads on. */
    static final Configuration DEAD = new Configuration(new int[0], new Frame[0], false, 0);

    private final RuleAutomaton rules;
    private final ByteClasses classes;
    private final Frame root;
    private final BitSet withBytes = new BitSet(); // (states)
    private final BitSet endsOnly = new BitSet(); // (states): where nothing follows but the end
    private final Map<Configuration, Configuration> configurations = new HashMap<>();
    private final Map<Frame, Frame> frames = new HashMap<>();
    private long frameIds;
    private Configuration start;

    private final ItemSet items = new ItemSet();
    private final BitSet calledRanks = new BitSet();
    private final ItemSet[] returns; // (rules): of the calls being collected, null where unused

    PushdownAutomaton(RuleAutomaton rules) {
        this.rules = rules;
        classes = rules.classes();
        root = new Frame(new int[]{Frame.FINISH}, new Frame[]{null}, frameIds++);
        returns = new ItemSet[rules.rules()];
        for (int state = 0; state < rules.states(); state++) {
            withBytes.set(state, rules.hasBytes(state));
            int[] calls = {0};
            rules.calls(state, (rule, returnState) -> calls[0]++);
            endsOnly.set(state, rules.accepts(state) && !withBytes.get(state) && calls[0] == 0);
        }
        forget();
    }

    /** Drops what it remembers; configurations that are held stay good. */
    void forget() {
        configurations.clear();
        frames.clear();
        frames.put(root, root);
        start = null;
    }

    /** How many configurations it remembers. */
    int remembered() {
        return configurations.size();
    }

    /** Before the first byte. */
    Configuration start() {
        if (start == null) {
            items.clear();
            start = close(rules.start(0), root);
        }
        return start;
    }

    /** After one more byte; {@link #DEAD} where it is not allowed. */
    Configuration next(Configuration configuration, byte value) {
        if (configuration.isFinal()) {
            return DEAD;
        }
        int byteClass = classes.of(value & 0xFF);
        Configuration known = configuration.next(byteClass);
        if (known == null) {
            known = step(configuration, byteClass);
            configuration.next(byteClass, known);
        }
        return known;
    }

    /** What follows where a frame's rule ends. */
    Configuration returned(Frame frame) {
        if (frame.returned() == null) {
            items.clear();
            addReturns(frame);
            frame.returned(close(-1, null));
        }
        return frame.returned();
    }

    /** A state by itself: its rule's end counts as the text's, what it calls is left out. */
    Configuration alone(int state) {
        return intern(new Configuration(new int[]{state}, new Frame[]{root}, false,
                classes.count()));
    }

    private Configuration step(Configuration configuration, int byteClass) {
        items.clear();
        for (int item = 0; item < configuration.items(); item++) {
            int state = rules.next(configuration.state(item), byteClass);
            if (state >= 0) {
                items.add(state, configuration.frame(item));
            }
        }
        return items.size() == 0 ? DEAD : close(-1, null);
    }

    /**
     * Adds what the items lead to without a byte: the returns of rules that may end here, then the
     * beginnings of rules that are called.
     *
     * @param calledState a rule's start, which ends nothing even if its rule may be empty: whoever
     *                    called it goes on without it by itself; or -1
     */
    private Configuration close(int calledState, Frame calledFrame) {
        try {
            return closeItems(calledState, calledFrame);
        } catch (ConstraintException tooAmbiguous) {
            for (int rank = calledRanks.nextSetBit(0); rank >= 0; rank = calledRanks
                    .nextSetBit(rank + 1)) {
                returns[rules.ruleOfRank(rank)].clear();
            }
            calledRanks.clear();
            throw tooAmbiguous;
        }
    }

    private Configuration closeItems(int calledState, Frame calledFrame) {
        boolean accepting = false;
        for (int i = 0; i < items.size(); i++) {
            Item item = items.get(i);
            if (item.state() == Frame.FINISH) {
                accepting = true;
            } else if (rules.accepts(item.state())) {
                addReturns(item.frame());
            }
        }
        if (calledState >= 0) {
            accepting = rules.accepts(calledState); // the root alone is called by nobody
            items.add(calledState, calledFrame);
        }
        for (int i = 0; i < items.size(); i++) {
            collectCalls(items.get(i));
        }
        for (int rank = calledRanks.nextSetBit(0); rank >= 0; rank = calledRanks
                .nextSetBit(rank + 1)) {
            int rule = rules.ruleOfRank(rank);
            Item called = new Item(rules.start(rule), frame(returns[rule]));
            returns[rule].clear();
            if (withBytes.get(called.state())) {
                items.add(called.state(), called.frame());
            }
            collectCalls(called);
        }
        calledRanks.clear();
        items.keepWhere(item -> item.state() != Frame.FINISH && withBytes.get(item.state()));
        if (items.size() == 0 && !accepting) {
            return DEAD;
        }
        items.sort();
        return intern(new Configuration(items.states(), items.frames(), accepting,
                classes.count()));
    }

    private void addReturns(Frame frame) {
        for (int i = 0; i < frame.returns(); i++) {
            items.add(frame.returnState(i), frame.parent(i));
        }
    }

    private void collectCalls(Item item) {
        if (item.state() == Frame.FINISH) {
            return;
        }
        rules.calls(item.state(), (rule, returnState) -> {
            if (returns[rule] == null) {
                returns[rule] = new ItemSet();
            }
            calledRanks.set(rules.rank(rule));
            if (!endsOnly.get(returnState)) {
                returns[rule].add(returnState, item.frame());
                return;
            }
            // A last call returns to where its caller would: repetition by recursion stays flat.
            for (int i = 0; i < item.frame().returns(); i++) {
                returns[rule].add(item.frame().returnState(i), item.frame().parent(i));
            }
        });
    }

    private Frame frame(ItemSet wanted) {
        wanted.sort();
        Frame candidate = new Frame(wanted.states(), wanted.frames(), frameIds++);
        Frame known = frames.putIfAbsent(candidate, candidate);
        return known == null ? candidate : known;
    }

    private Configuration intern(Configuration candidate) {
        Configuration known = configurations.putIfAbsent(candidate, candidate);
        return known == null ? candidate : known;
    }
}
