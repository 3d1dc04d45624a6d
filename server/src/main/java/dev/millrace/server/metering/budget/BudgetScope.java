package dev.millrace.server.metering.budget;

import java.util.Locale;

/** Whose spending a budget bounds. */
public enum BudgetScope {
    /** Everybody's. */
    SERVER,
    /** A team's: the tenant of its keys. */
    TEAM,
    /** A project's, of whatever team. */
    PROJECT,
    /** A key's by its name, so that a new key of an old name refills nothing. */
    KEY;

    /** Its name in the database and in JSON. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** @throws IllegalArgumentException if there is none */
    public static BudgetScope ofWord(String word) {
        for (BudgetScope scope : values()) {
            if (scope.word().equals(word)) {
                return scope;
            }
        }
        throw new IllegalArgumentException("scope must be server, team, project or key, got \""
                + word + "\"");
    }
}
