package dev.millrace.server.cli;

import java.util.Optional;
import picocli.CommandLine.IVersionProvider;

/** Which Millrace this is, and on which Java. */
public final class VersionText implements IVersionProvider {

    /** The release, or {@code development} when started from class files. */
    public static String version() {
        return Optional.ofNullable(VersionText.class.getPackage().getImplementationVersion())
                .orElse("development");
    }

    /** The source's commit as the launcher saw it, or {@code unknown}. */
    public static String commit() {
        return System.getProperty("millrace.commit", "unknown");
    }

    @Override
    public String[] getVersion() {
        return new String[]{"millrace " + version() + " (commit " + commit() + ")",
            "Java " + Runtime.version() + ", " + System.getProperty("java.vendor"),
            System.getProperty("os.name") + " " + System.getProperty("os.arch") + ", "
                    + Runtime.getRuntime().availableProcessors() + " processors"};
    }
}
