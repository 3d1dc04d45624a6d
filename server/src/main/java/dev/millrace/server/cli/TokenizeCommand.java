package dev.millrace.server.cli;

import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code millrace tokenize}: shows how a model reads a text. */
@Command(name = "tokenize", description = "Turn text into token ids.")
final class TokenizeCommand implements Callable<Integer> {

    private final CommandContext context;

    @Parameters(index = "0", paramLabel = "MODEL",
            description = "A model (see: millrace --help), a tokenizer.json, a tokenizer.model,"
                    + " or a directory with one.")
    private String reference;

    @Parameters(index = "1", arity = "0..1", paramLabel = "TEXT",
            description = "The text; standard input if absent.")
    private String text;

    @Option(names = "--ids", description = "Print the ids only, in one line with commas.")
    private boolean idsOnly;

    @Option(names = "--special", description = "Let the text contain special tokens.")
    private boolean special;

    @Option(names = "--start", negatable = true, defaultValue = "true", fallbackValue = "true",
            description = "Put the start token first where the model wants one (default).")
    private boolean start;

    TokenizeCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        Tokenizer tokenizer = context.openTokenizer(reference);
        String input = text == null ? context.readInput() : text;
        int[] tokens = tokenizer.encode(List.of(new TextSpan(input, special)), start);
        if (idsOnly) {
            context.out().println(Arrays.stream(tokens).mapToObj(String::valueOf)
                    .collect(Collectors.joining(",")));
        } else {
            for (int token : tokens) {
                context.out().println(token + "\t" + tokenizer.piece(token));
            }
        }
        return 0;
    }
}
