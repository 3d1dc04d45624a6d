package dev.millrace.engine.constrain;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Finds which tokens a configuration allows. What depends on a state alone, the most by far, is
 * found once for the state; only tokens that go on beyond the end of the state's rule are looked at
 * for each configuration, and that is remembered too.
 */
final class TokenMasks {

    private static final int[] NO_TOKENS = {};

    private final PushdownAutomaton automaton;
    private final TokenTrie trie;
    private final int words;
    private final Map<Integer, StateTokens> states = new HashMap<>();
    private final Map<StateTokens, StateTokens> distinct = new HashMap<>();
    private final Configuration[] path; // (deepest + 1): by depth in the trie
    private final IntList tokens = new IntList();
    private final IntList exits = new IntList();
    private long bytes;

    TokenMasks(PushdownAutomaton automaton, TokenTrie trie) {
        this.automaton = automaton;
        this.trie = trie;
        words = (trie.vocabularySize() + 63) >> 6;
        path = new Configuration[trie.deepest() + 1];
    }

    /** Words of a mask. */
    int words() {
        return words;
    }

    /** Memory of what it remembers, in bytes. */
    long bytes() {
        return bytes;
    }

    void forget() {
        states.clear();
        distinct.clear();
        bytes = 0;
    }

    TokenMask mask(Configuration configuration) {
        if (configuration.mask() == null) {
            configuration.mask(find(configuration));
            bytes += configuration.mask().bytes();
        }
        return configuration.mask();
    }

    private TokenMask find(Configuration configuration) {
        List<StateTokens> parts = new ArrayList<>();
        for (int item = 0; item < configuration.items(); item++) {
            parts.add(state(configuration.state(item)));
        }
        tokens.clear();
        for (int item = 0; item < configuration.items(); item++) {
            StateTokens part = parts.get(item);
            if (part.exits().length > 0) {
                Configuration after = automaton.returned(configuration.frame(item));
                for (int exit : part.exits()) {
                    walk(exit, after, null);
                }
            }
        }
        TokenSet[] sets = parts.stream().map(StateTokens::tokens).distinct()
                .toArray(TokenSet[]::new);
        return new TokenMask(sets, TokenSet.of(tokens, words),
                configuration.accepting() ? trie.endTokens() : NO_TOKENS);
    }

    /** The tokens of a state, found now if they are not known. */
    StateTokens state(int state) {
        StateTokens known = states.get(state);
        if (known == null) {
            tokens.clear();
            exits.clear();
            walk(0, automaton.alone(state), exits);
            StateTokens found = new StateTokens(TokenSet.of(tokens, words), exits.toArray());
            known = distinct.putIfAbsent(found, found);
            if (known == null) {
                known = found;
                bytes += found.bytes();
            }
            states.put(state, known);
        }
        return known;
    }

    /**
     * Collects the tokens below a node that are allowed after a configuration.
     *
     * @param ended collects the nodes at which the text may have ended; or null
     */
    private void walk(int above, Configuration from, IntList ended) {
        if (from.isFinal()) {
            return;
        }
        path[trie.depth(above)] = from;
        int end = trie.end(above);
        int node = above + 1;
        while (node < end) {
            int depth = trie.depth(node);
            Configuration next = automaton.next(path[depth - 1], trie.label(node));
            if (next == PushdownAutomaton.DEAD) {
                node = trie.end(node);
                continue;
            }
            path[depth] = next;
            for (int token = trie.token(node); token >= 0; token = trie.sameText(token)) {
                tokens.add(token);
            }
            if (ended != null && next.accepting() && trie.end(node) > node + 1) {
                ended.add(node);
            }
            node = next.isFinal() ? trie.end(node) : node + 1;
        }
    }
}
