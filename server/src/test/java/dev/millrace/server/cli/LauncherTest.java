package dev.millrace.server.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

/** The real launcher in a checkout of stand-ins: its Java and its Maven only tell what they got. */
@DisabledOnOs(OS.WINDOWS)
class LauncherTest {

    private static final int SECONDS = 300;

    @TempDir
    Path folder;

    private Path checkout;
    private Path jdk;
    private Path tools;

    private record Run(int status, String output) {}

    @BeforeEach
    void layOutACheckout() throws IOException {
        checkout = folder.resolve("a checkout");
        tools = folder.resolve("tools");
        for (String module : List.of("kernels", "server", "bench")) {
            Files.createDirectories(checkout.resolve(module).resolve("src/main/java"));
            Files.writeString(checkout.resolve(module).resolve("pom.xml"), "<project/>");
        }
        Files.writeString(checkout.resolve("pom.xml"), "<project/>");
        Path launcher = Path.of("").toAbsolutePath().resolveSibling("millrace");
        script(checkout.resolve("millrace"), Files.readString(launcher));
        jdk = jdk("jdk-25", "25.0.3");
        script(tools.resolve("mvn"), "#!/bin/sh\necho \"maven $* with $JAVA_HOME\"\n"
                + "echo built >>maven-runs\n[ ! -e fail ] || { echo '[ERROR] broken'; exit 1; }\n"
                + "mkdir -p server/target/lib && touch server/target/millrace-server-1.jar"
                + " server/target/lib/a.jar\n");
    }

    @Test
    void startsTheServerWithTheClassPathOfItsBuild() throws Exception {
        Run run = launch(checkout.resolve("millrace"), "serve", "my model.gguf", "--port", "1");

        assertThat(run.status()).isZero();
        assertThat(run.output()).contains("building")
                .contains("[--add-modules=jdk.incubator.vector]")
                .contains("[" + checkout.toRealPath() + "/server/target/millrace-server-1.jar:"
                        + checkout.toRealPath() + "/server/target/lib/a.jar]")
                .endsWith("[dev.millrace.server.Main] [serve] [my model.gguf] [--port] [1]\n");
    }

    @Test
    void buildsAgainOnlyWhenASourceIsNewer() throws Exception {
        launch(checkout.resolve("millrace"), "list");
        assertThat(launch(checkout.resolve("millrace"), "list").output())
                .doesNotContain("building");
        assertThat(builds()).isEqualTo(1);

        Path source = Files.writeString(checkout.resolve("kernels/src/main/java/New.java"), "");
        Files.setLastModifiedTime(source, FileTime.from(Instant.now().plusSeconds(5)));

        assertThat(launch(checkout.resolve("millrace"), "list").output()).contains("building");
        assertThat(builds()).isEqualTo(2);
    }

    @Test
    void forgetsTheClassesOfJarsThatSomebodyElseBuiltAnew() throws Exception {
        launch(checkout.resolve("millrace"), "list");
        Path archive = Files.writeString(checkout.resolve("server/target/launcher.jsa"), "");
        Files.setLastModifiedTime(archive, FileTime.from(Instant.now().plusSeconds(5)));
        launch(checkout.resolve("millrace"), "list");
        assertThat(archive).exists();

        Files.setLastModifiedTime(archive, FileTime.from(Instant.EPOCH));
        launch(checkout.resolve("millrace"), "list");
        assertThat(archive).doesNotExist();
        assertThat(builds()).isEqualTo(1);
    }

    @Test
    void worksThroughASymbolicLinkFromAnotherFolder() throws Exception {
        Path link = Files.createSymbolicLink(tools.resolve("mill"),
                Path.of("../a checkout/millrace"));

        assertThat(launch(link, "--version").output()).endsWith("[--version]\n");
    }

    @Test
    void leavesTheVectorModuleOutWhereNothingIsComputed() throws Exception {
        assertThat(launch(checkout.resolve("millrace"), "pull", "tinyllama").output())
                .doesNotContain("jdk.incubator.vector");
    }

    @Test
    void saysWhatToInstallWhereThereIsNoJava() throws Exception {
        Path launcher = checkout.resolve("millrace"); // the machine's own JDK 25 would do, too
        script(launcher, Files.readString(launcher).replace("java_version=25", "java_version=99"));

        Run run = launch(launcher, "list");

        assertThat(run.status()).isEqualTo(1);
        assertThat(run.output()).contains("needs a JDK 99", "apt install temurin-25-jdk",
                "brew install", "sdk install").doesNotContain("building");
    }

    @Test
    void showsWhyABuildFailedAndTriesAgainNextTime() throws Exception {
        Files.createFile(checkout.resolve("fail"));
        Run failed = launch(checkout.resolve("millrace"), "list");
        Files.delete(checkout.resolve("fail"));

        assertThat(failed.status()).isEqualTo(1);
        assertThat(failed.output()).contains("[ERROR] broken", "target/build.log");
        assertThat(launch(checkout.resolve("millrace"), "list").status()).isZero();
    }

    @Test
    void buildsOnceForTwoThatStartTogether() throws Exception {
        List<Process> both = List.of(start(checkout.resolve("millrace"), "list"),
                start(checkout.resolve("millrace"), "list"));
        for (Process process : both) {
            assertThat(process.waitFor(SECONDS, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).isZero();
        }

        assertThat(builds()).isEqualTo(1);
    }

    @Test
    void takesOverTheLockOfABuildThatDied() throws Exception {
        Path lock = Files.createDirectories(checkout.resolve("target/launcher.lock"));
        Process dead = new ProcessBuilder("true").start();
        dead.waitFor();
        Files.writeString(lock.resolve("pid"), dead.pid() + "\n");

        assertThat(launch(checkout.resolve("millrace"), "list").status()).isZero();
        assertThat(lock).doesNotExist();
    }

    private long builds() throws IOException {
        return Files.readAllLines(checkout.resolve("maven-runs")).size();
    }

    private Run launch(Path launcher, String... arguments) throws Exception {
        Process process = start(launcher, arguments);
        String output = new String(process.getInputStream().readAllBytes(),
                StandardCharsets.UTF_8);
        assertThat(process.waitFor(SECONDS, TimeUnit.SECONDS)).isTrue();
        return new Run(process.exitValue(), output);
    }

    private Process start(Path launcher, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of("bash", launcher.toString()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true)
                .directory(folder.toFile());
        builder.environment().put("HOME", folder.toString());
        builder.environment().put("JAVA_HOME", jdk.toString());
        builder.environment().put("PATH", tools + ":/usr/bin:/bin");
        builder.environment().remove("MILLRACE_JAVA_OPTIONS");
        return builder.start();
    }

    private Path jdk(String name, String version) throws IOException {
        Path home = folder.resolve(name);
        script(home.resolve("bin/java"),
                "#!/bin/sh\nprintf '[%s] ' \"$0\" \"$@\" | sed 's/ $//'\necho\n");
        script(home.resolve("bin/javac"), "#!/bin/sh\n");
        Files.writeString(home.resolve("release"), "JAVA_VERSION=\"" + version + "\"\n");
        return home;
    }

    private static void script(Path file, String text) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
        assertThat(file.toFile().setExecutable(true)).isTrue();
    }
}
