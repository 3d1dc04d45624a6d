package dev.millrace.server.cli;

import dev.millrace.models.fixtures.TinyModels;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

/** What Dockerfile.cuda runs to fill its image, and what the image then does. */
@Tag("proof")
@EnabledOnOs(OS.LINUX)
class AssembledCopyIT {

    private static final Path ROOT = Path.of("").toAbsolutePath().getParent();
    private static final int SECONDS = 300;

    @TempDir
    Path folder;

    private record Run(int status, String output) {}

    @Test
    void runsWithNothingButItsOwnFolder() throws Exception {
        Path copy = folder.resolve("copy");
        String script = ROOT.resolve("deploy/assemble.sh").toString();
        Run assembled = run(Map.of("JAVA_HOME", System.getProperty("java.home"),
                "MILLRACE_COMMIT", "abc1234"), script, copy.toString());
        assertThat(assembled.status()).as(assembled.output()).isZero();
        assertThat(assembled.output()).contains("(commit abc1234)");
        assertThat(copy.resolve("launcher.jsa")).exists();
        Run again = run(Map.of("JAVA_HOME", System.getProperty("java.home")), script,
                copy.toString());
        assertThat(again.status()).isEqualTo(1);
        assertThat(again.output()).contains("not empty");

        // As in the image: nobody may write beside the program.
        run(Map.of(), "chmod", "-R", "a-w", copy.toString());
        try {
            serves(copy);
        } finally {
            run(Map.of(), "chmod", "-R", "u+w", copy.toString());
        }
    }

    private void serves(Path copy) throws Exception {
        Path model = TinyModels.llama().write(folder);
        Map<String, String> environment = Map.of("MILLRACE_HOME",
                folder.resolve("home").toString());
        Run key = run(environment, copy.resolve("millrace").toString(), "keys", "create",
                "--name", "app");
        assertThat(key.status()).as(key.output()).isZero();
        Process server = start(environment, copy.resolve("millrace").toString(), "serve",
                model.toString(), "--port", "0", "--host", "0.0.0.0", "--threads", "1");
        try (HttpClient client = HttpClient.newHttpClient()) {
            String port = port(server.inputReader());
            Run health = run(Map.of(), copy.resolve("health.sh").toString(), port);
            assertThat(health.status()).as(health.output()).isZero();

            Matcher secret = Pattern.compile("sk-\\S+").matcher(key.output());
            assertThat(secret.find()).as(key.output()).isTrue();
            var answer = client.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port
                    + "/v1/completions")).header("Authorization", "Bearer " + secret.group())
                    .header("Content-Type", "application/json").POST(BodyPublishers.ofString("""
                            {"model": "tiny", "prompt": "the hand", "max_tokens": 3}"""))
                    .build(), BodyHandlers.ofString());
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);

            server.destroy();
            assertThat(server.waitFor(SECONDS, TimeUnit.SECONDS)).isTrue();
            assertThat(run(Map.of(), copy.resolve("health.sh").toString(), port).status())
                    .isNotZero();
        } finally {
            server.destroyForcibly();
        }
    }

    private static String port(BufferedReader output) throws IOException {
        Pattern address = Pattern.compile("serves tiny at http://[^:]+:(\\d+)");
        for (String line; (line = output.readLine()) != null;) {
            Matcher found = address.matcher(line);
            if (found.find()) {
                return found.group(1);
            }
        }
        return fail("the server ended without saying where it serves");
    }

    private Process start(Map<String, String> environment, String... command)
            throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().clear();
        builder.environment().put("PATH", "/usr/bin:/bin");
        builder.environment().put("HOME", folder.toString());
        builder.environment().putAll(environment);
        return builder.start();
    }

    private Run run(Map<String, String> environment, String... command) throws Exception {
        Process process = start(environment, command);
        String output = new String(process.getInputStream().readAllBytes(),
                StandardCharsets.UTF_8);
        assertThat(process.waitFor(SECONDS, TimeUnit.SECONDS)).isTrue();
        return new Run(process.exitValue(), output);
    }

    @Test
    void theImageCopiesWhatIsThere() throws IOException {
        List<String> lines = Files.readAllLines(ROOT.resolve("Dockerfile.cuda"));

        assertThat(lines).contains(" && deploy/assemble.sh /opt/millrace", "USER millrace")
                .anyMatch(line -> line.startsWith("HEALTHCHECK"));
        assertThat(Files.readAllLines(ROOT.resolve(".dockerignore"))).contains(".git",
                "**/target").noneMatch(line -> line.contains("deploy"));
    }
}
