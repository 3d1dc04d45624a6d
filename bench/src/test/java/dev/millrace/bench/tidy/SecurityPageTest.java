package dev.millrace.bench.tidy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

/** Holds {@code docs/security.md} to its word: every row names tests, and they are there. */
class SecurityPageTest {

    private static final Pattern NAMED = Pattern.compile("`([A-Z]\\w*Test)(?:\\.(\\w+))?`");

    private static Map<String, Path> testClasses(Path root) throws IOException {
        Map<String, Path> classes = new HashMap<>();
        for (String module : List.of("kernels", "models", "engine", "server", "bench")) {
            try (Stream<Path> files = Files.walk(root.resolve(module).resolve("src/test/java"))) {
                files.filter(file -> file.toString().endsWith("Test.java"))
                        .forEach(file -> classes.put(
                                file.getFileName().toString().replace(".java", ""), file));
            }
        }
        return classes;
    }

    @Test
    void everyTestThatItNamesExists() throws IOException {
        Path root = TidyTest.repository();
        Map<String, Path> classes = testClasses(root);
        List<String> complaints = new ArrayList<>();
        int named = 0;
        for (String line : Files.readAllLines(root.resolve("docs/security.md"))) {
            if (!line.startsWith("| ") || line.startsWith("| attempt")) {
                continue;
            }
            Matcher names = NAMED.matcher(line);
            boolean any = false;
            while (names.find()) {
                any = true;
                named++;
                Path file = classes.get(names.group(1));
                if (file == null || names.group(2) != null
                        && !Files.readString(file).contains("void " + names.group(2) + "(")) {
                    complaints.add("there is no test " + names.group());
                }
            }
            if (!any) {
                complaints.add("no test is named in: " + line);
            }
        }

        assertThat(complaints).isEmpty();
        assertThat(named).isGreaterThan(50);
    }
}
