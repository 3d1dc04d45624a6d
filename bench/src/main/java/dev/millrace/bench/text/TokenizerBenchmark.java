package dev.millrace.bench.text;

import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.models.tokenizers.TokenizerFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Encoding a text on one thread, here and with Hugging Face's library. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class TokenizerBenchmark {

    /** Where the tokenizer is: a file or a directory. */
    @Param("")
    public String tokenizer;

    /** A file of UTF-8. */
    @Param("")
    public String text;

    @Param({"millrace", "huggingface"})
    public String library;

    private String content;
    private List<TextSpan> spans;
    private Tokenizer ours;
    private HuggingFaceLibrary theirs;

    @Setup(Level.Trial)
    public void open() throws IOException {
        content = Files.readString(Path.of(text));
        spans = List.of(new TextSpan(content, true));
        Path path = Path.of(tokenizer);
        ours = TokenizerFiles.open(path);
        if (library.equals("huggingface")) {
            theirs = HuggingFaceLibrary.open(
                    Files.isDirectory(path) ? path.resolve("tokenizer.json") : path);
            int[] mine = ours.encode(spans, false);
            if (!Arrays.equals(theirs.encode(content), mine)) {
                throw new IllegalStateException("both encode " + text + " differently");
            }
        }
    }

    @TearDown(Level.Trial)
    public void close() {
        if (theirs != null) {
            theirs.close();
        }
    }

    @Benchmark
    public int[] encode() {
        return theirs == null ? ours.encode(spans, false) : theirs.encode(content);
    }
}
