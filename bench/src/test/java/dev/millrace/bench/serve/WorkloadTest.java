package dev.millrace.bench.serve;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

class WorkloadTest {

    @TempDir
    private Path folder;

    @Test
    void arrivalsOfStrangersHaveTheRateAndNoRhythm() {
        List<PlannedRequest> requests = Workload.poisson(5, 20_000, 10, 10, 7).requests();
        double seconds = requests.getLast().atNanos() * 1e-9;
        assertThat(20_000 / seconds).isCloseTo(5, within(0.2));
        long shorterThanMean = 0;
        for (int i = 1; i < requests.size(); i++) {
            assertThat(requests.get(i).atNanos())
                    .isGreaterThanOrEqualTo(requests.get(i - 1).atNanos());
            if (requests.get(i).atNanos() - requests.get(i - 1).atNanos() < 200_000_000) {
                shorterThanMean++;
            }
        }
        assertThat(shorterThanMean / 20_000.0).isCloseTo(1 - Math.exp(-1), within(0.02));
        assertThat(Workload.poisson(5, 100, 10, 10, 7).requests())
                .isEqualTo(Workload.poisson(5, 100, 10, 10, 7).requests());
    }

    @Test
    void readsATraceOfArrivals() throws IOException {
        Path file = folder.resolve("trace.csv");
        Files.writeString(file, """
                TIMESTAMP,ContextTokens,GeneratedTokens
                2023-11-16 18:15:46.6805900,374,44
                2023-11-16 18:15:50.9805900,3960,109
                2023-11-16 18:15:51,10,0
                """);
        assertThat(Workload.trace(file, 2, 10, 500).requests()).containsExactly(
                new PlannedRequest(0, 374, 44),
                new PlannedRequest(2_150_000_000L, 391, 109),
                new PlannedRequest(2_159_705_000L, 10, 1));
        assertThat(Workload.trace(file, 1, 2, 500).requests()).hasSize(2);
    }

    @Test
    void saysWhatIsWrongWithATrace() throws IOException {
        Path file = folder.resolve("trace.csv");
        for (String line : List.of("yesterday,1,2", "2023-11-16 18:15:46,1",
                "2023-11-16 18:15:46,x,2")) {
            Files.writeString(file, "TIMESTAMP,ContextTokens,GeneratedTokens\n" + line + "\n");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Workload.trace(file, 1, 10, 500))
                    .withMessageContaining("line 2").withMessageContaining(line);
        }
        Files.writeString(file, "TIMESTAMP,ContextTokens,GeneratedTokens\n");
        assertThatIllegalArgumentException().isThrownBy(() -> Workload.trace(file, 1, 10, 500))
                .withMessageContaining("at least one");
        assertThatIllegalArgumentException().isThrownBy(() -> Workload.trace(file, 0, 10, 500));
        assertThatIllegalArgumentException().isThrownBy(
                () -> Workload.poisson(Double.NaN, 1, 1, 1, 1));
    }

    @Test
    void promptsShareWhatTheyAreToldAndNothingElse() {
        RandomPrompts apart = new RandomPrompts(1000, 0, 3);
        assertThat(apart.prompt(0, 50)).isEqualTo(apart.prompt(0, 50))
                .isNotEqualTo(apart.prompt(1, 50));
        assertThat(IntStream.of(apart.prompt(0, 50))).allMatch(id -> id >= 100 && id < 1000);
        RandomPrompts alike = new RandomPrompts(1000, 20, 3);
        assertThat(alike.prompt(4, 20)).isEqualTo(alike.prompt(5, 20));
        assertThat(alike.prompt(4, 30)).isNotEqualTo(alike.prompt(5, 30));
    }
}
