package dev.millrace.engine.constrain;

import java.nio.charset.StandardCharsets;

/** Tells whether whole texts satisfy a grammar, without any vocabulary. */
public final class TextMatcher {

    private final PushdownAutomaton automaton;

    /** @throws GrammarException if the grammar cannot be compiled */
    public TextMatcher(Grammar grammar) {
        automaton = new PushdownAutomaton(RuleAutomaton.compile(grammar));
    }

    public boolean matches(String text) {
        Configuration configuration = automaton.start();
        for (byte value : text.getBytes(StandardCharsets.UTF_8)) {
            configuration = automaton.next(configuration, value);
        }
        return configuration.accepting();
    }
}
