package dev.millrace.server.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

class SettingsReferenceTest {

    private static final Path PAGE = Path.of("").toAbsolutePath()
            .resolveSibling("docs/configuration.md");

    @TempDir
    Path folder;

    /** {@code -Dmillrace.write.docs=true} writes it anew instead. */
    @Test
    void thePageOfSettingsIsUpToDate() throws IOException {
        String expected = SettingsReference.read().markdown();
        if (Boolean.getBoolean("millrace.write.docs")) {
            Files.writeString(PAGE, expected);
        }

        assertThat(Files.readString(PAGE)).as("docs/configuration.md; write it anew with"
                + " -Dmillrace.write.docs=true").isEqualTo(expected);
    }

    @Test
    void everySettingHasAMeaning() {
        SettingsReference reference = SettingsReference.read();

        for (Setting setting : Setting.values()) {
            assertThat(reference.of(setting).value()).as(setting.key()).isNotEmpty();
            assertThat(reference.of(setting).meaning()).as(setting.key()).isNotEmpty();
        }
    }

    @Test
    void whatAppliesIsShownWithItsOrigin() throws IOException {
        Path file = Files.writeString(folder.resolve("millrace.yaml"),
                "port: 9000\nsequences: 3\nmodel: https://me:secret@models.example/a.gguf\n");

        List<EffectiveConfig.Entry> entries = EffectiveConfig.load(
                Map.of("MILLRACE_SEQUENCES", "4"), folder, Optional.empty(),
                Map.of(Setting.QUEUE, "7")).entries();

        assertThat(entries).hasSize(Setting.values().length).contains(
                new EffectiveConfig.Entry(Setting.PORT, "9000", "port in " + file),
                new EffectiveConfig.Entry(Setting.SEQUENCES, "4", "MILLRACE_SEQUENCES"),
                new EffectiveConfig.Entry(Setting.QUEUE, "7", "--queue"),
                new EffectiveConfig.Entry(Setting.HOST, "127.0.0.1", "default"),
                new EffectiveConfig.Entry(Setting.MODEL, "https://***@models.example/a.gguf",
                        "model in " + file));
    }

    @Test
    void whatIsNotAllowedIsNotShown() throws IOException {
        Files.writeString(folder.resolve("millrace.yaml"), "tls_key: key.pem\n");

        assertThatExceptionOfType(ConfigException.class).isThrownBy(() -> EffectiveConfig.load(
                Map.of(), folder, Optional.empty(), Map.of()))
                .withMessageContaining("tls_certificate and tls_key go together");
    }
}
