package dev.millrace.server.cli;

import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.models.store.Licence;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.config.Setting;
import dev.millrace.server.wiring.ServingAssembly;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

class ServingBannerTest {

    @TempDir
    Path folder;

    @Test
    void suggestsAChatToAModelWithATemplate() {
        assertThat(banner(TinyModels.llama())).contains("/v1/chat/completions -H", "\"messages\"");
    }

    @Test
    void suggestsACompletionToAModelThatRefusesChats() {
        assertThat(banner(TinyModels.llama().chatTemplate("{% if")))
                .contains("/v1/completions -H", "\"prompt\"")
                .doesNotContain("chat/completions", "\"messages\"");
    }

    private String banner(TinyModels model) {
        ServerConfig config = ServerConfig.load(Map.of(), folder, Optional.empty(),
                Map.of(Setting.PORT, "0", Setting.SEQUENCES, "1", Setting.THREADS, "1"));
        ServingAssembly server = new ServingAssembly("tiny", model.write(folder),
                Optional.of(Licence.of("cc-by-nc-4.0")), config,
                folder.resolve("ledger.db"));
        try {
            return new ServingBanner(server, config).text();
        } finally {
            server.stop(Duration.ofSeconds(1));
        }
    }
}
