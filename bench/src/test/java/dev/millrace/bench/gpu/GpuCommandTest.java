package dev.millrace.bench.gpu;

import dev.millrace.bench.Main;
import dev.millrace.kernels.cuda.CudaProbe;
import dev.millrace.kernels.cuda.CudaProbe.Finding;
import dev.millrace.kernels.cuda.DeviceProbe;
import dev.millrace.kernels.cuda.EmulatedDriver;
import dev.millrace.kernels.cuda.StandInCublasLt;
import dev.millrace.kernels.cuda.StandInNvml;
import dev.millrace.models.fixtures.TinyModels;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

/** All of {@code bench gpu} on an emulated device; what it measures is nobody's assertion. */
class GpuCommandTest {

    private static final String SHAPE = "layers=1,embedding=64,feed_forward=64,heads=2,"
            + "vocabulary=260,context=64";
    private static final DeviceProbe.Size TINY = new DeviceProbe.Size(4096, 1, 1, 1);

    @TempDir
    private Path folder;
    private final StringWriter errors = new StringWriter();

    @BeforeAll
    static void showTheDevice() {
        EmulatedDriver.set("devices", 1);
    }

    /** Other tests of this process see a machine without a GPU. */
    @AfterAll
    static void hideTheDevice() {
        EmulatedDriver.set("devices", 0);
    }

    @Test
    void aShapeIsCheckedAndMeasuredAgainstTheDevicesLimits() throws IOException {
        StandInNvml.load();
        long before = StandInNvml.set("drawn", 0, 500);
        try {
            assertThat(execute(SHAPE, "--type", "q4_0,q8_0", "--batches", "1,3,9999", "--context",
                    "5", "--prompts", "6,4000", "--activations", "F16X2", "--dollars-per-hour",
                    "3.6", "--html",
                    folder.resolve("page.html").toString())).as(errors.toString()).isZero();
        } finally {
            StandInNvml.set("drawn", 0, before);
        }

        List<JsonNode> checks = lines("gpu-check");
        assertThat(checks).extracting(line -> line.path("check").asString())
                .containsExactly("q4_0", "q8_0");
        for (JsonNode check : checks) {
            assertThat(check.path("positions").asInt()).isEqualTo(5);
            assertThat(check.path("unequal").asInt()).isZero();
            assertThat(check.path("logit_error").asDouble()).isLessThan(5e-5);
            assertThat(check.path("layer_errors")).hasSize(1);
        }
        List<JsonNode> tests = lines("gpu");
        assertThat(tests).extracting(line -> line.path("model").asString() + ": "
                + line.path("test").asString()).containsExactly(
                        "synthetic " + SHAPE + " q4_0: tg2 @ d5",
                        "synthetic " + SHAPE + " q4_0: tg2 x 3 @ d5",
                        "synthetic " + SHAPE + " q4_0: pp6",
                        "synthetic " + SHAPE + " q8_0: tg2 @ d5",
                        "synthetic " + SHAPE + " q8_0: tg2 x 3 @ d5",
                        "synthetic " + SHAPE + " q8_0: pp6");
        for (JsonNode test : tests) {
            assertThat(test.path("emulated").asString()).isEqualTo("not a speed");
            double tokens = test.path("tok_per_s").path("median").asDouble();
            assertThat(test.path("usd_per_million").asDouble() * tokens).isCloseTo(1000,
                    withinPercentage(0.01));
            assertThat(test.path("limit_tok_per_s").asDouble()).isPositive();
            assertThat(test.path("bandwidth_share").asDouble()).isPositive();
            assertThat(test.path("peak_share").asDouble()).isPositive();
        }
        // Half a joule between two looks at the counter, in one round of two tokens.
        assertThat(tests.getFirst().path("joules_per_token").asDouble()).isEqualTo(0.25);
        assertThat(lines("gpu-probe")).hasSize(1);
        assertThat(folder.resolve("page.html")).content().contains("<h2>GPUs</h2>",
                "emulated device (not a speed)", "<td>tg2 x 3 @ d5</td>", "<td>yes</td>");
    }

    @Test
    void productsOfALibraryAreCheckedInAStepThatIsLargeEnough() throws IOException {
        long before = StandInCublasLt.products();
        assertThat(execute(SHAPE, "--type", "q8_0", "--products", "CUBLASLT_COPIES", "--batches",
                "1", "--context", "5", "--prompts", "6")).as(errors.toString()).isZero();
        assertThat(StandInCublasLt.products()).isGreaterThan(before);
        assertThat(lines("gpu-check").getFirst().path("logit_error").asDouble())
                .isBetween(1e-6, 5e-3);
    }

    @Test
    void aModelIsCheckedItselfAndMeasuredBesideEachPeer() throws IOException {
        assertThat(execute(TinyModels.llama().write(folder).toString(), "--type", "q8_0",
                "--batches", "1", "--context", "3", "--prompts", "4", "--peer", "test -f {model}"
                        + " && printf '| test | t/s |\\n|--|--|\\n| tg2 @ d3 | 5.0 |\\n'",
                "--peer", "echo '{\"n_prompt\":0,\"n_gen\":2,\"n_depth\":3,\"sequences\":2,"
                        + "\"avg_ts\":7}'",
                "--pairs", "1", "--peer-name", "table", "--peer-name", "lines",
                "--launches", "SINGLE")).as(errors.toString()).isZero();

        assertThat(lines("gpu-check")).extracting(line -> line.path("check").asString())
                .containsExactly("q8_0", "Tiny F32");
        assertThat(lines("gpu")).extracting(line -> line.path("test").asString())
                .containsExactly("tg2 @ d3", "pp4");
        assertThat(lines("compare")).extracting(pair -> pair.path("peer").asString() + ": "
                + pair.path("test").asString() + " "
                + pair.path("peer_tok_per_s").path("median").asDouble())
                .containsExactly("table: tg2 @ d3 5.0", "lines: tg2 x 2 @ d3 7.0");
    }

    @Test
    void gpusThatShareAModelAreMeasuredAgainstWhatTheyCanDoTogether() throws IOException {
        EmulatedDriver.set("devices", 3);
        StandInNvml.load();
        StandInNvml.set("drawn", 1, 500);
        StandInNvml.set("drawn", 2, 1500);
        try {
            assertThat(execute(SHAPE, "--type", "q8_0", "--batches", "1,3", "--context", "5",
                    "--prompts", "6", "--gpus", "1,2", "--tensor-parallel", "2", "--html",
                    folder.resolve("page.html").toString())).as(errors.toString()).isZero();
            assertThat(execute(SHAPE, "--tensor-parallel", "4")).isEqualTo(1);
            assertThat(execute(SHAPE, "--gpus", "1", "--tensor-parallel", "2")).isEqualTo(1);
        } finally {
            StandInNvml.set("drawn", 1, 0);
            StandInNvml.set("drawn", 2, 0);
            EmulatedDriver.set("devices", 1);
        }

        assertThat(lines("gpu-check")).singleElement().matches(check -> check.path("passed")
                .asBoolean() && check.path("devices").asInt() == 2);
        List<JsonNode> tests = lines("gpu");
        assertThat(tests).hasSize(3).allMatch(test -> test.path("devices").asInt() == 2
                && test.path("emulated").asString().equals("not a speed"));
        // Of both boards: two joules between two looks at the counters, in a round of two tokens.
        assertThat(tests.getFirst().path("joules_per_token").asDouble()).isEqualTo(1);
        List<JsonNode> exchanges = lines("gpu-exchange");
        assertThat(exchanges).extracting(line -> line.path("test").asString())
                .containsExactly("tg2 @ d5", "tg2 x 3 @ d5", "pp6");
        for (int i = 0; i < exchanges.size(); i++) {
            JsonNode exchange = exchanges.get(i);
            double tokens = tests.get(i).path("tok_per_s").path("median").asDouble();
            int stepTokens = List.of(1, 3, 6).get(i);
            assertThat(exchange.path("exchanges").asInt()).isEqualTo(2);
            assertThat(exchange.path("step_share").asDouble()).isCloseTo(
                    2e-6 * exchange.path("exchange_micros").asDouble() * tokens / stepTokens,
                    withinPercentage(0.01));
        }
        assertThat(folder.resolve("page.html")).content().contains("Exchanges between GPUs",
                "2 x emulated device (not a speed)");
        assertThat(errors.toString()).contains("--tensor-parallel=4 asks for more GPUs than can be"
                + " used", "tensor_parallel is 2, and gpus names 1 only");
    }

    @Test
    void typesThatOnlyDirectoriesHaveAreCheckedAndMeasured() throws IOException {
        String shape = "layers=1,embedding=128,feed_forward=128,heads=1,vocabulary=260,context=64";
        assertThat(execute(shape, "--type", "int4-g128,int4-zero,int4-zero-g128,int8-channel",
                "--check-shape", shape, "--batches", "1", "--context", "3", "--prompts", "4",
                "--activations", "F16X2"))
                .as(errors.toString()).isZero();

        assertThat(lines("gpu-check")).hasSize(4).allMatch(check -> check.path("passed")
                .asBoolean() && check.path("logit_error").asDouble() < 5e-5);
        assertThat(lines("gpu")).hasSize(8);
        assertThat(execute(SHAPE, "--type", "int4-g128")).isEqualTo(1);
        assertThat(errors.toString()).contains("a row of INT4_G128 must be a positive multiple of"
                + " 128 elements, got 64");
    }

    @Test
    void aDeviceThatIsWrongIsNotMeasured() throws IOException {
        assertThat(execute(SHAPE, "--type", "q8_0", "--bound", "1e-12")).isEqualTo(1);

        assertThat(errors.toString()).contains("the emulated device does not compute what the"
                + " processor does, so nothing was measured");
        assertThat(lines("gpu-check").getFirst().path("passed").asBoolean()).isFalse();
        assertThat(lines("gpu")).isEmpty();
    }

    @Test
    void withoutADeviceItSaysWhatToDo() {
        CommandLine command = new CommandLine(new GpuCommand(() -> Finding.none("there is no"
                + " NVIDIA driver", "install one"), info -> new byte[0], TINY));
        command.setExecutionExceptionHandler(Main.commandLine().getExecutionExceptionHandler());
        command.setErr(new PrintWriter(errors, true));

        assertThat(command.execute("llama-8b")).isEqualTo(1);
        assertThat(errors.toString()).contains("millrace: bench gpu measures an NVIDIA GPU, and"
                + " there is no NVIDIA driver; install one");
    }

    @Test
    void whatCannotBeMeasuredIsRefused() {
        assertThat(execute(SHAPE, "--rounds", "0")).isEqualTo(1);
        assertThat(execute(SHAPE, "--peer", "echo")).isEqualTo(1);
        assertThat(execute(SHAPE, "--type", "q8_0", "--peer", "echo {model}")).isEqualTo(1);
        assertThat(execute(SHAPE, "--type", "q8_0", "--peer", "echo", "--peer-name", "a",
                "--peer-name", "b")).isEqualTo(1);
        assertThat(execute(SHAPE, "--kv", "f64")).isEqualTo(1);
        assertThat(errors.toString()).contains("--rounds must be at least 1, got 0",
                "--peer measures one model; name one TYPE with --type, or a model file",
                "{model} in --peer stands for a file, and a shape has none",
                "there are 1 peers and 2 names for them",
                "--kv must be f16, f32 or q8_0, got \"f64\"");
    }

    private int execute(String model, String... arguments) {
        EmulatedDriver.load();
        List<String> all = new ArrayList<>(List.of(model));
        all.addAll(List.of("--rounds", "1", "--tokens", "2", "--threads", "1", "--kernels",
                "scalar", "--step-tokens", "16", "--memory", "0.1", "--energy-seconds", "0",
                "--check-shape", SHAPE, "--check-prompt", "3", "--check-tokens", "2",
                "--results", results().toString()));
        all.addAll(List.of(arguments));
        CommandLine command = new CommandLine(new GpuCommand(CudaProbe::find,
                info -> EmulatedDriver.image(), TINY));
        command.setOverwrittenOptionsAllowed(true);
        command.setExecutionExceptionHandler(Main.commandLine().getExecutionExceptionHandler());
        return command.setErr(new PrintWriter(errors, true)).execute(all.toArray(String[]::new));
    }

    private List<JsonNode> lines(String benchmark) throws IOException {
        return Files.readAllLines(results()).stream()
                .map(line -> JsonMapper.shared().readTree(line))
                .filter(line -> line.path("benchmark").asString().equals(benchmark)).toList();
    }

    private Path results() {
        return folder.resolve("results.jsonl");
    }
}
