package dev.millrace.server.config;

import dev.millrace.server.metering.rate.RateSchedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.*;

/** The example that users copy must say what is true. */
class ExampleConfigTest {

    private static final Path EXAMPLE = Path.of("").toAbsolutePath()
            .resolveSibling("deploy/millrace.example.yaml");

    @TempDir
    Path folder;

    @Test
    void showsTheValuesThatApplyWithoutIt() {
        ServerConfig with = load(Optional.of(EXAMPLE));
        ServerConfig without = load(Optional.empty());

        assertThat(with).usingRecursiveComparison().ignoringFields("cost").isEqualTo(without);
    }

    @Test
    void showsTheCostOfTheDefaultProfile() {
        assertThat(RateSchedule.configured(load(Optional.of(EXAMPLE)).cost())
                .at(Instant.EPOCH).nanoUsdPerHour())
                .isEqualTo(RateSchedule.configured(null).at(Instant.EPOCH).nanoUsdPerHour());
    }

    @ParameterizedTest
    @EnumSource(Setting.class)
    void mentionsEverySetting(Setting setting) throws IOException {
        assertThat(Files.readString(EXAMPLE)).containsPattern("(?m)^(# )?" + setting.key() + ": ");
    }

    private ServerConfig load(Optional<Path> file) {
        return ServerConfig.load(Map.of(), folder, file, Map.of());
    }
}
