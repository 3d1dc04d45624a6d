package dev.millrace.bench.serve;

import dev.millrace.bench.BenchException;
import java.util.List;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

class StallTest {

    private static final long MS = 1_000_000;

    /** Its first token comes at 10 ms. */
    private static Answered answer(int... gaps) {
        long[] nanos = new long[gaps.length];
        long end = 10 * MS;
        for (int i = 0; i < gaps.length; i++) {
            nanos[i] = gaps[i] * MS;
            end += nanos[i];
        }
        return new Answered(0, 10 * MS, end, gaps.length + 1, 1, 0, nanos, Double.NaN, null);
    }

    private static Answered prompt(long dueMillis, long firstMillis) {
        return new Answered(dueMillis * MS, firstMillis * MS, firstMillis * MS, 1, 9, 0,
                new long[0], Double.NaN, null);
    }

    @Test
    void gapsCountWhereTheyEnd() {
        Stall stall = Stall.of(List.of(answer(5, 6, 20, 30, 5), answer(7, 8, 21, 22, 90)),
                prompt(26, 72));

        assertThat(stall.before().most()).isEqualTo(8);
        assertThat(stall.during().p50()).isEqualTo(21);
        assertThat(stall.during().most()).isEqualTo(30);
        assertThat(stall.ratio()).isEqualTo(30 / 8.0);
    }

    @Test
    void saysWhenTheRunTellsNothing() {
        List<Answered> running = List.of(answer(10, 10, 10));

        assertThatExceptionOfType(BenchException.class)
                .isThrownBy(() -> Stall.of(running, prompt(15, 60)))
                .withMessageContaining("--output-tokens");
        assertThatExceptionOfType(BenchException.class)
                .isThrownBy(() -> Stall.of(running, prompt(15, 35)))
                .withMessageContaining("--unloaded");
        assertThatExceptionOfType(BenchException.class)
                .isThrownBy(() -> Stall.of(running, prompt(31, 32)))
                .withMessageContaining("--prompt-tokens");
    }
}
