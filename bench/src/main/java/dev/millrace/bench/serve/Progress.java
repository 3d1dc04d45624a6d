package dev.millrace.bench.serve;

/** How far a run is, on one line of a terminal; nothing where there is no terminal. */
final class Progress {

    private final boolean terminal = System.getProperty("millrace.terminal.columns") != null;
    private final int requests;

    Progress(int requests) {
        this.requests = requests;
    }

    void show(int ended) {
        if (terminal) {
            System.err.print("\r  " + ended + " of " + requests + " answered ");
            System.err.flush();
        }
    }

    void clear() {
        if (terminal) {
            System.err.print("\r" + " ".repeat(40) + "\r");
            System.err.flush();
        }
    }
}
