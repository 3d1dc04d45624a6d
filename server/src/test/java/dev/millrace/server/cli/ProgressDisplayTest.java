package dev.millrace.server.cli;

import dev.millrace.models.store.PullProgress;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

class ProgressDisplayTest {

    private static final PullProgress HALF = new PullProgress("model", 161_000_000, 322_000_000,
            2_300_000);

    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @Test
    void drawsBytesRateAndTimeLeft() {
        assertThat(ProgressDisplay.bar(HALF, 100)).isEqualTo("model [" + "#".repeat(20)
                + ".".repeat(20) + "]  50 %  161 MB of 322 MB, 2.30 MB/s, 1:10 left");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 10, 40, 60, 61, 62, 63, 64, 65, 80, 200})
    void neverWrapsALine(int columns) {
        assertThat(ProgressDisplay.bar(HALF, columns).length()).isLessThan(columns);
    }

    @Test
    void redrawsTheBarAndLeavesItWhenDone() {
        try (ProgressDisplay display = new ProgressDisplay(print(), 80)) {
            display.progress(HALF);
            display.progress(new PullProgress("model", 322_000_000, 322_000_000, 2_300_000));
            display.notice("checking model");
        }

        assertThat(printed()).matches("(?s)\\r\\033\\[Kmodel .* 50 %.*\\r\\033\\[Kmodel .*"
                + "100 %[^\\n]*\\nchecking model\\n");
    }

    @Test
    void endsTheBarBeforeSomethingElseIsSaid() {
        try (ProgressDisplay display = new ProgressDisplay(print(), 80)) {
            display.progress(HALF);
        }

        assertThat(printed()).endsWith("left\n");
    }

    @Test
    void printsAFewPlainLinesWhereThereIsNoTerminal() {
        try (ProgressDisplay display = new ProgressDisplay(print(), 0)) {
            for (int i = 1; i <= 100; i++) {
                display.progress(new PullProgress("model", i * 1000L, 100_000, 1000));
            }
        }

        assertThat(printed().lines()).hasSize(2).last().asString()
                .isEqualTo("model: 100 %  100 kB of 100 kB, 1.00 kB/s");
        assertThat(printed()).doesNotContain("\033");
    }

    @Test
    void doesWithoutATotal() {
        assertThat(ProgressDisplay.bar(new PullProgress("model", 5_000_000, -1, 1_000_000), 80))
                .isEqualTo("model 5.00 MB, 1.00 MB/s");
    }

    private PrintStream print() {
        return new PrintStream(err, true, StandardCharsets.UTF_8);
    }

    private String printed() {
        return err.toString(StandardCharsets.UTF_8);
    }
}
