package dev.millrace.server.config;

import dev.millrace.kernels.KvFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.*;

class ServerConfigTest {

    @TempDir
    Path folder;

    private final Map<String, String> environment = new HashMap<>();
    private final Map<Setting, String> flags = new HashMap<>();

    @Test
    void hasAValueForEverything() {
        ServerConfig config = load();

        assertThat(config.model()).isEqualTo("tinyllama");
        assertThat(config.host()).isEqualTo("127.0.0.1");
        assertThat(config.port()).isEqualTo(8080);
        assertThat(config.backend()).isEqualTo("auto");
        assertThat(config.cacheFormat()).isEqualTo(KvFormat.F16);
        assertThat(config.threads()).isZero();
        assertThat(config.cost()).isNull();
    }

    @Test
    void letsTheEnvironmentCoverTheFileAndFlagsCoverBoth() throws IOException {
        write("port: 1001\nsequences: 3\nqueue: 7\n");
        environment.put("MILLRACE_PORT", "1002");
        environment.put("MILLRACE_SEQUENCES", "4");
        flags.put(Setting.PORT, "1003");

        ServerConfig config = load();

        assertThat(config.port()).isEqualTo(1003);
        assertThat(config.sequences()).isEqualTo(4);
        assertThat(config.queue()).isEqualTo(7);
    }

    @Test
    void handsTheCostSectionOnAsItIs() throws IOException {
        write("""
                model: tinyllama
                drain_seconds: 5
                cost:
                  usd_per_hour: 0.25
                """);

        assertThat(load().cost().get("usd_per_hour").doubleValue()).isEqualTo(0.25);
        assertThat(load().drain()).isEqualTo(Duration.ofSeconds(5));
    }

    @Test
    void readsSeveralModelsWithTheNamesThatClientsCallThem() throws IOException {
        write("models: [tinyllama, big=/m/b=1.gguf, 'https://host/m.gguf?x=y']\n");

        assertThat(load().models()).containsExactly(
                new NamedModel(Optional.empty(), "tinyllama"),
                new NamedModel(Optional.of("big"), "/m/b=1.gguf"),
                new NamedModel(Optional.empty(), "https://host/m.gguf?x=y"));

        flags.put(Setting.MODEL, "other");
        assertThat(load().models()).extracting(NamedModel::reference).containsExactly("other");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"model: a;models: [b]|model and models are both in",
        "models: a|must be a list such as", "models: []|must be a list such as",
        "models: [1]|must be a list such as", "models: [a, a]|a comes twice"})
    void refusesListsOfModelsThatMakeNoSense(String yaml, String why) throws IOException {
        write(yaml.replace(';', '\n'));

        assertThatExceptionOfType(ConfigException.class).isThrownBy(this::load)
                .withMessageContaining(why);
    }

    @Test
    void readsWhereTracesGo() {
        assertThat(load().exposure().traces()).isEmpty();
        flags.put(Setting.TRACES, "http://localhost:4318/v1/traces");
        assertThat(load().exposure().traces()).hasValueSatisfying(
                url -> assertThat(url.getPort()).isEqualTo(4318));
        flags.put(Setting.TRACES, "localhost:4318");
        assertThatExceptionOfType(ConfigException.class).isThrownBy(this::load)
                .withMessageContaining("http://localhost:4318/v1/traces");
    }

    @Test
    void readsWhichModelsGuessForWhich() throws IOException {
        assertThat(load().drafts()).isEmpty();
        write("draft: small, big=/m/a,b.gguf\n");
        assertThat(load().drafts()).containsExactly(
                new NamedModel(Optional.empty(), "small"),
                new NamedModel(Optional.of("big"), "/m/a,b.gguf"));

        flags.put(Setting.SPECULATE, "off");
        assertThatExceptionOfType(ConfigException.class).isThrownBy(this::load)
                .withMessageContaining("speculate is off");
        flags.put(Setting.DRAFT, "a\na");
        flags.put(Setting.SPECULATE, "ngram");
        assertThatExceptionOfType(ConfigException.class).isThrownBy(this::load)
                .withMessageContaining("a comes twice");
    }

    @ParameterizedTest
    @CsvSource({"off,0", "OFF,0", "600,600"})
    void readsHowLongAModelMayIdle(String text, long seconds) {
        flags.put(Setting.IDLE_UNLOAD, text);

        assertThat(load().idleUnload()).isEqualTo(Duration.ofSeconds(seconds));
    }

    @Test
    void readsAnEmptyFile() throws IOException {
        write("# nothing yet\n");

        assertThat(load().port()).isEqualTo(8080);
    }

    @ParameterizedTest
    @CsvSource({"8GB,8000000000", "512MiB,536870912", "100 b,100", "auto,0", "2tib,2199023255552"})
    void readsAmountsOfMemory(String text, long bytes) {
        flags.put(Setting.MEMORY, text);

        assertThat(load().memoryBytes()).isEqualTo(bytes);
    }

    @ParameterizedTest
    @CsvSource({"PORT,-1", "PORT,65536", "PORT,eighty", "PORT,.nan", "SEQUENCES,0", "CONTEXT,-5",
        "MEMORY,0GB", "MEMORY,lots", "MEMORY,999999999999TB", "BACKEND,gpu", "KERNELS,fast",
        "VECTOR_BITS,64", "GPUS,none", "GPUS,0", "GPUS,-1", "GPUS,device=", "GPUS,device=x",
        "TENSOR_PARALLEL,0", "TENSOR_PARALLEL,two", "KV,q4_0", "DRAIN_SECONDS,1e3", "THREADS,1.5",
        "STEP_TOKENS,4"})
    void refusesWhatIsNotAllowedAndSaysWhatIs(Setting setting, String value) {
        flags.put(setting, value);

        assertThatExceptionOfType(ConfigException.class).isThrownBy(this::load)
                .withMessageMatching("--" + setting.key().replace('_', '-')
                        + " must be .*, got \"" + value + "\"");
    }

    @Test
    void readsWhichGpusMayBeUsed() {
        assertThat(load().gpus()).isEqualTo(new GpuSettings(0, List.of(), 0, 1));
        flags.put(Setting.GPUS, "3");
        assertThat(load().gpus()).isEqualTo(new GpuSettings(3, List.of(), 0, 1));
        flags.put(Setting.GPUS, "device=2");
        assertThat(load().gpus()).isEqualTo(new GpuSettings(0, List.of(2), 0, 1));
        flags.put(Setting.GPUS, "2, 0");
        flags.put(Setting.TENSOR_PARALLEL, "2");
        assertThat(load().gpus()).isEqualTo(new GpuSettings(0, List.of(2, 0), 2, 1));
        flags.put(Setting.GPUS, "4");
        flags.put(Setting.REPLICAS, "2");
        assertThat(load().gpus()).isEqualTo(new GpuSettings(4, List.of(), 2, 2));
    }

    @Test
    void refusesGpusThatAreNamedTwiceOrTooFewToShareAModel() {
        flags.put(Setting.GPUS, "1,1");
        assertThatExceptionOfType(ConfigException.class).isThrownBy(this::load)
                .withMessageContaining("each once, got \"1,1\"");
        flags.put(Setting.GPUS, "0,1");
        flags.put(Setting.TENSOR_PARALLEL, "4");
        assertThatExceptionOfType(ConfigException.class).isThrownBy(this::load)
                .withMessage("tensor_parallel is 4, and gpus names 2 only; lower the one or raise"
                        + " the other");
        flags.put(Setting.REPLICAS, "3");
        flags.remove(Setting.TENSOR_PARALLEL);
        assertThatExceptionOfType(ConfigException.class).isThrownBy(this::load)
                .withMessage("replicas is 3, and gpus names 2 only; lower the one or raise the"
                        + " other");
        flags.put(Setting.TENSOR_PARALLEL, "2");
        assertThatExceptionOfType(ConfigException.class).isThrownBy(this::load)
                .withMessage("replicas is 3 of tensor_parallel 2 each, and gpus names 2 only;"
                        + " lower the one or raise the other");
    }

    @ParameterizedTest
    @CsvSource({"f32,F32", "F16,F16", "q8_0,Q8_0"})
    void readsFormatsOfTheCache(String text, KvFormat format) {
        flags.put(Setting.KV, text);

        assertThat(load().cacheFormat()).isEqualTo(format);
    }

    @Test
    void namesTheFileAndTheNearestKeyForATypingError() throws IOException {
        Path file = write("prot: 80\n");

        assertThatExceptionOfType(ConfigException.class).isThrownBy(this::load)
                .withMessageContaining("unknown key \"prot\" in " + file
                        + "; did you mean \"port\"");
    }

    @Test
    void saysWhereAFileIsNotYaml() throws IOException {
        write("port: [\n");

        assertThatExceptionOfType(ConfigException.class).isThrownBy(this::load)
                .withMessageContaining("is not valid YAML at line")
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n"));
    }

    @Test
    void refusesAKeyGivenTwiceAndAKeyWithoutAValue() throws IOException {
        write("port: 80\nport: 81\n");
        assertThatExceptionOfType(ConfigException.class).isThrownBy(this::load)
                .withMessageContaining("port");

        write("port:\n");
        assertThatExceptionOfType(ConfigException.class).isThrownBy(this::load)
                .withMessageContaining("must be a single value");
    }

    @Test
    void refusesAFileThatWasAskedForAndIsNotThere() {
        assertThatExceptionOfType(ConfigException.class).isThrownBy(() -> ServerConfig.load(
                environment, folder, Optional.of(folder.resolve("absent.yaml")), flags))
                .withMessageContaining("there is no file " + folder.resolve("absent.yaml"));
    }

    private Path write(String yaml) throws IOException {
        return Files.writeString(folder.resolve("millrace.yaml"), yaml);
    }

    private ServerConfig load() {
        return ServerConfig.load(environment, folder, Optional.empty(), flags);
    }
}
