package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

class HubConfigurationTest {

    @TempDir
    Path home;

    @Test
    void isThePublicHubWithoutATokenByDefault() {
        HubConfiguration hub = HubConfiguration.load(Map.of(), home);

        assertThat(hub.endpoint()).hasToString("https://huggingface.co");
        assertThat(hub.authorization()).isEmpty();
    }

    @Test
    void takesTheTokenThatTheHubsOwnToolsWouldTake() throws IOException {
        Path left = Files.createDirectories(home.resolve(".cache/huggingface")).resolve("token");
        Files.writeString(left, "hf_file\n");
        Path other = Files.writeString(home.resolve("other"), "hf_other");
        Path folder = Files.createDirectories(home.resolve("hf"));
        Files.writeString(folder.resolve("token"), "hf_folder");

        assertThat(token(Map.of())).isEqualTo("Bearer hf_file");
        assertThat(token(Map.of("HF_HOME", folder.toString()))).isEqualTo("Bearer hf_folder");
        assertThat(token(Map.of("HF_TOKEN_PATH", other.toString()))).isEqualTo("Bearer hf_other");
        assertThat(token(Map.of("HF_TOKEN", "hf_variable"))).isEqualTo("Bearer hf_variable");
    }

    @Test
    void neverShowsTheToken() {
        HubConfiguration hub = HubConfiguration.load(Map.of("HF_TOKEN", "hf_secret"), home);

        assertThat(hub.toString()).doesNotContain("hf_secret");
        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> token(Map.of("HF_TOKEN", "hf_sec\nret")))
                .withMessageContaining("HF_TOKEN").withMessageNotContaining("hf_sec");
    }

    @ParameterizedTest
    @ValueSource(strings = {"http://mirror.example", "mirror.example", "ftp://mirror.example",
        "https://user:word@mirror.example", "https://mirror.example/?q=1", "https://", "::"})
    void refusesAnEndpointThatIsNotSafe(String address) {
        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> HubConfiguration.load(Map.of("HF_ENDPOINT", address), home))
                .withMessageContaining("HF_ENDPOINT");
    }

    @Test
    void takesAMirrorUnderAPath() {
        assertThat(HubConfiguration.load(Map.of("HF_ENDPOINT", "https://mirror.example/hf/"), home)
                .endpoint()).hasToString("https://mirror.example/hf");
    }

    private String token(Map<String, String> environment) {
        return HubConfiguration.load(environment, home).authorization().orElseThrow();
    }
}
