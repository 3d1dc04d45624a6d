package dev.millrace.server.cli;

import dev.millrace.server.Release;
import picocli.CommandLine.IVersionProvider;

/** What {@code --version} prints: which Millrace this is, and on which Java. */
final class VersionText implements IVersionProvider {

    @Override
    public String[] getVersion() {
        return new String[]{"millrace " + Release.version() + " (commit " + Release.commit() + ")",
            "Java " + Runtime.version() + ", " + System.getProperty("java.vendor"),
            System.getProperty("os.name") + " " + System.getProperty("os.arch") + ", "
                    + Runtime.getRuntime().availableProcessors() + " processors"};
    }
}
