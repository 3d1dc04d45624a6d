package dev.millrace.server;

import java.util.Optional;

/** Which Millrace this is. */
public final class Release {

    private Release() {}

    /** The version, or {@code development} when started from class files. */
    public static String version() {
        return Optional.ofNullable(Release.class.getPackage().getImplementationVersion())
                .orElse("development");
    }

    /** The source's commit as the launcher saw it, or {@code unknown}. */
    public static String commit() {
        return System.getProperty("millrace.commit", "unknown");
    }
}
