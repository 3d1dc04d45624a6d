package dev.millrace.bench.masks;

import dev.millrace.engine.Vocabulary;
import dev.millrace.engine.constrain.ConstraintMatcher;
import dev.millrace.engine.constrain.TokenConstraint;
import dev.millrace.engine.constrain.TokenTrie;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.models.tokenizers.TokenizerFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** Following a text token by token with a mask for each: known already, or from the beginning. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class MaskBenchmark {

    @Param
    public MaskCase constraint;

    /** Where the tokenizer is: a file or a directory. */
    @Param("")
    public String tokenizer;

    private TokenTrie trie;
    private TokenConstraint compiled;
    private int[] tokens;
    private long[] mask;

    @Setup
    public void compile() throws IOException {
        Tokenizer opened = TokenizerFiles.open(Path.of(tokenizer));
        trie = new TokenTrie(Vocabulary.of(opened, opened.vocabularySize()));
        compiled = TokenConstraint.compile(constraint.grammar(), trie);
        tokens = opened.encode(constraint.text(), false);
        mask = new long[compiled.start().maskWords()];
        if (!follow(compiled).mayEnd()) {
            throw new IllegalStateException("the text of " + constraint + " is not whole");
        }
    }

    private ConstraintMatcher follow(TokenConstraint followed) {
        ConstraintMatcher matcher = followed.start();
        for (int token : tokens) {
            matcher.fillMask(mask);
            if ((mask[token >> 6] >>> token & 1) == 0) {
                throw new IllegalStateException("token " + token + " is forbidden");
            }
            matcher.accept(token);
        }
        return matcher;
    }

    /** As for the second request with a constraint, and all after it. */
    @Benchmark
    public ConstraintMatcher known() {
        return follow(compiled);
    }

    /** As for the first request, compiling included. */
    @Benchmark
    public ConstraintMatcher first() {
        return follow(TokenConstraint.compile(constraint.grammar(), trie));
    }
}
