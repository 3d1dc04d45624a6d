package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

class NpmConfigurationTest {

    @TempDir
    Path folder;

    private Path home;
    private Path project;
    private final Map<String, String> environment = new HashMap<>();

    @BeforeEach
    void makeFolders() throws IOException {
        home = Files.createDirectory(folder.resolve("home"));
        project = Files.createDirectory(folder.resolve("project"));
        environment.put("npm_config_globalconfig", folder.resolve("global").toString());
    }

    @Test
    void asksThePublicRegistryUnlessToldOtherwise() {
        assertThat(load().registry("p")).isEqualTo(NpmConfiguration.PUBLIC_REGISTRY);
    }

    @Test
    void letsTheNearerConfigurationWin() throws IOException {
        Files.writeString(folder.resolve("global"), "registry=https://global.example/");
        assertThat(load().registry("p")).hasHost("global.example");
        Files.writeString(home.resolve(".npmrc"), "; mine\nregistry = \"https://user.example\"\n");
        assertThat(load().registry("p")).isEqualTo(URI.create("https://user.example/"));
        Files.writeString(project.resolve(".npmrc"), "registry=https://project.example/npm");
        assertThat(load().registry("p")).isEqualTo(URI.create("https://project.example/npm/"));
        environment.put("NPM_CONFIG_REGISTRY", "https://environment.example/");
        assertThat(load().registry("p")).hasHost("environment.example");
    }

    @Test
    void readsTheUserFileThatTheEnvironmentNames() throws IOException {
        Path other = Files.writeString(folder.resolve("rc"), "registry=https://other.example");
        environment.put("NPM_CONFIG_USERCONFIG", other.toString());

        assertThat(load().registry("p")).hasHost("other.example");
    }

    @Test
    void asksTheRegistryOfTheScope() throws IOException {
        Files.writeString(home.resolve(".npmrc"), "@corp:registry=https://corp.example/npm/");

        assertThat(load().registry("@corp/model")).hasHost("corp.example");
        assertThat(load().registry("@corporation/model"))
                .isEqualTo(NpmConfiguration.PUBLIC_REGISTRY);
    }

    @Test
    void sendsATokenOnlyToThePathItIsFor() throws IOException {
        environment.put("TOKEN", "secret");
        Files.writeString(home.resolve(".npmrc"), """
                //corp.example/npm/:_authToken=${TOKEN}
                //corp.example/basic/:_auth=dXNlcjpwYXNz
                """);

        assertThat(load().authorization(URI.create("https://corp.example/npm/p/-/p-1.tgz")))
                .contains("Bearer secret");
        assertThat(load().authorization(URI.create("https://corp.example/basic/p")))
                .contains("Basic dXNlcjpwYXNz");
        assertThat(load().authorization(URI.create("https://corp.example/npmx/p"))).isEmpty();
        assertThat(load().authorization(URI.create("https://corp.example:8443/npm/p"))).isEmpty();
        assertThat(load().authorization(URI.create("https://evil.example/npm/p"))).isEmpty();
    }

    @Test
    void refusesARegistryThatIsNoAddress() {
        environment.put("npm_config_registry", "ftp://old.example/");

        assertThatExceptionOfType(ModelException.class).isThrownBy(() -> load().registry("p"))
                .withMessageContaining("ftp://old.example/").withMessageContaining("http");
    }

    private NpmConfiguration load() {
        return NpmConfiguration.load(environment, home, project);
    }
}
