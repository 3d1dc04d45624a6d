package dev.millrace.server.cli;

import dev.millrace.models.store.ByteCounts;
import dev.millrace.models.store.PullListener;
import dev.millrace.models.store.PullPlan;
import dev.millrace.models.store.PullProgress;
import java.io.PrintStream;
import java.time.Duration;
import java.util.Locale;

/** Shows a pull: as a bar that redraws itself on a terminal, as a line now and then elsewhere. */
final class ProgressDisplay implements PullListener, AutoCloseable {

    private static final Duration LINE_INTERVAL = Duration.ofSeconds(10);
    private static final int WIDEST_BAR = 40;
    private static final String ERASE_LINE = "\r\033[K";

    private final PrintStream err;
    private final int columns;
    private boolean barShown;
    private long lastLineNanos;
    private String lastLabel = "";

    /** @param columns width of the terminal; 0 if {@code err} is none */
    ProgressDisplay(PrintStream err, int columns) {
        this.err = err;
        this.columns = columns;
    }

    @Override
    public void progress(PullProgress progress) {
        if (columns > 0) {
            err.print(ERASE_LINE + bar(progress, columns));
            err.flush();
            barShown = true;
            if (progress.complete()) {
                endBar();
            }
        } else if (lineIsDue(progress)) {
            err.println(progress.label() + ": " + numbers(progress));
        }
    }

    @Override
    public void notice(String message) {
        endBar();
        err.println(message);
    }

    @Override
    public void plan(PullPlan plan) {
        endBar();
        err.println("pulling " + plan.source()
                + plan.revision().map(commit -> " at commit " + commit).orElse(""));
        line("size", (plan.bytes() < 0 ? "the source does not say" : ByteCounts.text(plan.bytes()))
                + (plan.files().size() == 1 ? "" : " in " + plan.files().size() + " files"));
        line("licence", plan.licence().toString());
        for (PullPlan.Item file : plan.files()) {
            file.sha256().ifPresent(hash -> line("sha256", hash + "  " + file.name()));
        }
    }

    private void line(String label, String value) {
        err.println("  " + label + " ".repeat(9 - label.length()) + value);
    }

    private boolean lineIsDue(PullProgress progress) {
        long now = System.nanoTime();
        boolean due = progress.complete() || !progress.label().equals(lastLabel)
                || now - lastLineNanos >= LINE_INTERVAL.toNanos();
        if (due) {
            lastLabel = progress.label();
            lastLineNanos = now;
        }
        return due;
    }

    private void endBar() {
        if (barShown) {
            err.println();
            barShown = false;
        }
    }

    /** One line that fits: label, bar, numbers; what does not fit is cut from the left to right. */
    static String bar(PullProgress progress, int columns) {
        String numbers = numbers(progress);
        int room = columns - 1 - progress.label().length() - numbers.length() - 4;
        if (progress.totalBytes() <= 0 || room < 4) {
            String line = progress.label() + " " + numbers;
            return line.substring(0, Math.min(line.length(), Math.max(0, columns - 1)));
        }
        int width = Math.min(WIDEST_BAR, room);
        int filled = (int) (width * progress.bytes() / progress.totalBytes());
        return progress.label() + " [" + "#".repeat(filled) + ".".repeat(width - filled) + "] "
                + numbers;
    }

    private static String numbers(PullProgress progress) {
        StringBuilder text = new StringBuilder();
        if (progress.totalBytes() > 0) {
            text.append(String.format(Locale.ROOT, "%3d %%  ",
                    progress.bytes() * 100 / progress.totalBytes()));
        }
        text.append(ByteCounts.text(progress.bytes()));
        if (progress.totalBytes() > 0) {
            text.append(" of ").append(ByteCounts.text(progress.totalBytes()));
        }
        text.append(", ").append(ByteCounts.text(Math.round(progress.bytesPerSecond())))
                .append("/s");
        Duration remaining = progress.remaining();
        if (remaining != null && !progress.complete()) {
            text.append(String.format(Locale.ROOT, ", %d:%02d left", remaining.toMinutes(),
                    remaining.toSecondsPart()));
        }
        return text.toString();
    }

    @Override
    public void close() {
        endBar();
    }
}
