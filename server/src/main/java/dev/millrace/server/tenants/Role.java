package dev.millrace.server.tenants;

import java.util.Locale;

/** What the owner of a key may do. */
public enum Role {
    /** Have models answer. */
    TENANT,
    /** Everything: what tenants may, read metrics, load and unload adapters. */
    ADMIN,
    /** Read metrics, nothing else. */
    METRICS;

    /** Its name on the command line and in the database. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    static Role ofWord(String word) {
        return valueOf(word.toUpperCase(Locale.ROOT));
    }
}
