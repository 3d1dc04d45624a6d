package dev.millrace.bench.tidy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The style of the house as rules over its sources. The numbers are ratchets: they may go down.
 */
class TidyTest {

    private static final int MOST_LINES = 500;
    private static final int USUAL_LINES = 300;
    private static final double USUAL_SHARE = 0.90;
    private static final int MOST_COLUMNS = 100;
    private static final int MOST_METHOD_LINES = 70;
    /** A kernel body may be this long when it is one loop. */
    private static final int MOST_KERNEL_LINES = 100;

    private static final List<String> MODULES = List.of("kernels", "models", "engine", "server",
            "bench");
    private static final Pattern VAGUE_NAME = Pattern
            .compile(".*(Manager|Helper|Utils?|Impl)\\.java");
    private static final Pattern LEFT_OPEN = Pattern
            .compile("\\b(TO" + "DO|FIX" + "ME|XX" + "X)\\b");

    private static List<SourceFile> sources;

    @BeforeAll
    static void readSources() throws IOException {
        Path repository = repository();
        List<Path> files = new ArrayList<>();
        for (String module : MODULES) {
            try (Stream<Path> tree = Files.walk(repository.resolve(module).resolve("src"))) {
                tree.filter(path -> path.toString().endsWith(".java")).forEach(files::add);
            }
        }
        sources = SourceFile.readAll(repository, files);
        assertThat(sources).hasSizeGreaterThan(50);
    }

    static Path repository() {
        Path path = Path.of("").toAbsolutePath();
        while (!Files.isDirectory(path.resolve(".mvn"))) {
            path = path.getParent();
            assertThat(path).as("the root of the repository").isNotNull();
        }
        return path;
    }

    @Test
    void noFileIsTooLong() {
        assertThat(complaints(source -> source.lines().size() > MOST_LINES
                ? List.of(source.lines().size() + " lines, at most " + MOST_LINES)
                : List.of())).isEmpty();
    }

    @Test
    void nineInTenFilesAreShort() {
        long shortFiles = sources.stream().filter(source -> source.lines().size() <= USUAL_LINES)
                .count();
        assertThat((double) shortFiles / sources.size()).isGreaterThanOrEqualTo(USUAL_SHARE);
    }

    @Test
    void methodsFitAScreen() {
        assertThat(complaints(source -> source.methods().stream()
                .filter(method -> method.length() > mostMethodLines(source))
                .map(method -> method.name() + " at line " + method.line() + " has "
                        + method.length() + " lines, at most " + mostMethodLines(source))
                .toList())).isEmpty();
    }

    private static int mostMethodLines(SourceFile source) {
        boolean kernel = source.path().toString().contains("dev/millrace/kernels/cpu/");
        return kernel ? MOST_KERNEL_LINES : MOST_METHOD_LINES;
    }

    @Test
    void linesFitAHundredColumns() {
        assertThat(eachLine(line -> line.length() > MOST_COLUMNS && !line.startsWith("import ")
                ? line.length() + " columns"
                : null)).isEmpty();
    }

    @Test
    void namesSayWhatThingsAre() {
        assertThat(complaints(source -> VAGUE_NAME.matcher(source.path().toString()).matches()
                ? List.of("a vague name")
                : List.of())).isEmpty();
    }

    @Test
    void nothingIsLeftOpen() {
        assertThat(eachLine(line -> LEFT_OPEN.matcher(line).find() ? line.strip() : null))
                .isEmpty();
    }

    @Test
    void publicTypesSayWhatTheyAreFor() {
        assertThat(complaints(source -> source.isTest() ? List.of() : source.undocumentedTypes()))
                .isEmpty();
    }

    @Test
    void importsAreUsedAndNamed() {
        assertThat(complaints(SourceFile::unusedImports)).isEmpty();
        assertThat(eachLine(line -> line.startsWith("import ") && !line.startsWith("import static ")
                && line.endsWith(".*;") ? line : null)).isEmpty();
    }

    private interface Rule {
        List<String> complain(SourceFile source);
    }

    private interface LineRule {
        String complain(String line);
    }

    private static List<String> complaints(Rule rule) {
        List<String> complaints = new ArrayList<>();
        for (SourceFile source : sources) {
            for (String complaint : rule.complain(source)) {
                complaints.add(source.path() + ": " + complaint);
            }
        }
        return complaints;
    }

    private static List<String> eachLine(LineRule rule) {
        return complaints(source -> {
            List<String> found = new ArrayList<>();
            for (int i = 0; i < source.lines().size(); i++) {
                String complaint = rule.complain(source.lines().get(i));
                if (complaint != null) {
                    found.add("line " + (i + 1) + ": " + complaint);
                }
            }
            return found;
        });
    }
}
