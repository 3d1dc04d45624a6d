package dev.millrace.engine.constrain;

/**
 * A grammar compiled for one vocabulary. Safe to share between threads and completions, which all
 * profit from what any of them has found out.
 */
public final class TokenConstraint implements CompletionConstraint {

    /**
     * States this broad are inside of strings and such, whose masks take longest to find; those
     * that wait for the rest of a character, with 64 bytes, are not among them.
     */
    private static final int BROAD_BYTES = 80;
    private static final int PREPARED_STATES = 32;

    private final TokenTrie trie;
    private final RuleAutomaton rules;
    private final PushdownAutomaton automaton;
    private final TokenMasks masks;

    private TokenConstraint(TokenTrie trie, RuleAutomaton rules) {
        this.trie = trie;
        this.rules = rules;
        automaton = new PushdownAutomaton(rules);
        masks = new TokenMasks(automaton, trie);
    }

    /**
     * Compiles a grammar; takes milliseconds, so not on the engine's thread.
     *
     * @throws GrammarException if it is too large, never ends, is left-recursive, or if no token
     *                          can begin a text that satisfies it
     */
    public static TokenConstraint compile(Grammar grammar, TokenTrie trie) {
        TokenConstraint constraint = new TokenConstraint(trie, RuleAutomaton.compile(grammar));
        try {
            constraint.prepare();
        } catch (ConstraintException e) {
            throw new GrammarException(e.getMessage());
        }
        return constraint;
    }

    private synchronized void prepare() {
        if (masks.mask(automaton.start()).isEmpty()) {
            throw new ConstraintException("no token of this model begins a text that satisfies the"
                    + " constraint");
        }
        int prepared = 0;
        for (int state = 0; state < rules.states() && prepared < PREPARED_STATES; state++) {
            if (rules.isAlive(state) && rules.breadth(state) >= BROAD_BYTES) {
                masks.state(state);
                prepared++;
            }
        }
    }

    @Override
    public ConstraintMatcher start() {
        return new ConstraintMatcher(this, startConfiguration());
    }

    @Override
    public int vocabularySize() {
        return trie.vocabularySize();
    }

    /** Memory that it takes now, about, in bytes. */
    public synchronized long bytes() {
        return masks.bytes() + 300L * automaton.remembered() + 100L * rules.states();
    }

    int words() {
        return masks.words();
    }

    synchronized Configuration startConfiguration() {
        return automaton.start();
    }

    /**
     * The configuration after a token.
     *
     * @return null after a token that ends the text, where it may end
     * @throws ConstraintException if the token is not allowed
     */
    synchronized Configuration next(Configuration from, int token) {
        byte[] text = trie.text(token);
        if (text == null) {
            for (int end : trie.endTokens()) {
                if (end == token && from.accepting()) {
                    return null;
                }
            }
            throw new ConstraintException("the token " + token + " is not allowed here");
        }
        Configuration configuration = from;
        for (byte value : text) {
            configuration = automaton.next(configuration, value);
        }
        if (configuration == PushdownAutomaton.DEAD) {
            throw new ConstraintException("the token " + token + " is not allowed here");
        }
        return configuration;
    }

    /** Writes the tokens that may come next into a mask. @return whether there are any */
    synchronized boolean fill(Configuration configuration, long[] mask) {
        if (automaton.remembered() > GrammarLimits.CONFIGURATIONS
                || masks.bytes() > GrammarLimits.MASK_BYTES) {
            automaton.forget();
            masks.forget();
        }
        TokenMask known = masks.mask(configuration);
        known.fill(mask);
        return !known.isEmpty();
    }
}
