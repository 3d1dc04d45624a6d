package dev.millrace.models.template;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What the parser learns on its way that does not depend on the next token. */
final class ParserState {

    private final List<Set<String>> macroNames = new ArrayList<>();

    /** Filters and tests that do not exist: wrong for certain, or unless a condition guards. */
    private final List<String> certain = new ArrayList<>();
    private final List<String> unguarded = new ArrayList<>();
    private int loops;

    /** A filter or test does not exist. */
    void missing(String message) {
        unguarded.add(message);
    }

    int mark() {
        return unguarded.size();
    }

    /**
     * What is missing since the mark stands under a condition. Jinja, and templates that run in
     * several of its versions, mind that only when it is reached.
     */
    void forgive(int mark) {
        unguarded.subList(mark, unguarded.size()).clear();
    }

    /** What is missing since the mark stands in a body of its own, which Jinja checks early. */
    void confirm(int mark) {
        List<String> confirmed = unguarded.subList(mark, unguarded.size());
        certain.addAll(confirmed);
        confirmed.clear();
    }

    /** @throws TemplateException if a filter or test is missing */
    void finish() {
        confirm(0);
        if (!certain.isEmpty()) {
            throw new TemplateException(certain.getFirst());
        }
    }

    int loops() {
        return loops;
    }

    /** @return the number before, to be restored */
    int setLoops(int now) {
        int before = loops;
        loops = now;
        return before;
    }

    void read(String name) {
        macroNames.forEach(names -> names.add(name));
    }

    void startMacro() {
        macroNames.add(new HashSet<>());
    }

    /** The names that the body of the innermost macro reads: some ask for special arguments. */
    Set<String> endMacro() {
        return macroNames.removeLast();
    }
}
