package dev.millrace.server.metering;

import dev.millrace.server.fixtures.DoomedProcess;
import dev.millrace.server.metering.attribution.StepWeights;
import dev.millrace.server.metering.database.LedgerAddress;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

/** Kills a metering process in the middle of its work, for real. */
@Timeout(300)
class KilledServerTest {

    @TempDir
    Path folder;

    /** The process that gets killed: works without end, and says when it has begun to. */
    static final class Victim {

        private Victim() {}

        public static void main(String[] arguments) throws Exception {
            Path folder = Path.of(arguments[0]);
            ScriptedServer server = new ScriptedServer(
                    LedgerAddress.ofFile(folder.resolve("ledger.db")), UnaryOperator.identity(),
                    Clock.systemUTC(), Integer.parseInt(arguments[2]));
            for (long seed = Long.parseLong(arguments[1]);; seed++) {
                server.serve(seed, 6, 5);
                DoomedProcess.working(folder);
            }
        }
    }

    @Test
    void theBooksBalanceAfterEveryKill() throws Exception {
        Path file = folder.resolve("ledger.db");
        for (int round = 0; round < 3; round++) {
            try (DoomedProcess victim = start(round * 1_000, 1 + round % 2)) {
                victim.awaitWork();
                TimeUnit.MILLISECONDS.sleep(37 * round);
            }
            LedgerSummary left = summary(file);
            assertThat(left.balance().balances()).as("as the kill left it").isTrue();
            assertThat(left.machineNanos()).containsKey("open");

            UsageLedger ledger = UsageLedger.open(file);
            UsageMeter.start(ledger, ScriptedServer.RATES, StepWeights.DEFAULT, new ManualLane(),
                    EnergySource.NONE).close();

            LedgerSummary books = summary(file);
            assertThat(books.balance().balances()).as("after the next start").isTrue();
            assertThat(books.machineNanos()).containsKey("unrecorded").containsEntry("open", 0L);
            assertThat(books.requests()).isGreaterThanOrEqualTo(left.requests());
        }
    }

    private static LedgerSummary summary(Path file) {
        try (LedgerReader reader = LedgerReader.open(file)) {
            return reader.summary();
        }
    }

    @Test
    void theLockOfAKilledServerIsFree() throws Exception {
        Path file = folder.resolve("ledger.db");
        try (DoomedProcess victim = start(9, 1)) {
            victim.awaitWork();
            assertThatExceptionOfType(LedgerException.class)
                    .isThrownBy(() -> UsageLedger.open(file))
                    .withMessageContaining("in use by another server");
        }
        UsageLedger.open(file).close();
    }

    private DoomedProcess start(long seed, int replicas) throws IOException {
        return DoomedProcess.start(Victim.class, folder, Long.toString(seed),
                Integer.toString(replicas));
    }
}
