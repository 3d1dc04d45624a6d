package dev.millrace.server.cli;

import dev.millrace.models.text.Tokenizer;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code millrace detokenize}: the text of token ids. */
@Command(name = "detokenize", description = "Turn token ids into text.")
final class DetokenizeCommand implements Callable<Integer> {

    private final CommandContext context;

    @Parameters(index = "0", paramLabel = "MODEL",
            description = "A model (see: millrace --help), a tokenizer.json, a tokenizer.model,"
                    + " or a directory with one.")
    private String reference;

    @Parameters(index = "1", arity = "0..1", paramLabel = "IDS",
            description = "Ids with commas or blanks; standard input if absent.")
    private String ids;

    DetokenizeCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        Tokenizer tokenizer = context.openTokenizer(reference);
        String input = ids == null ? context.readInput() : ids;
        int[] tokens = Tokenizers.parseIds(input, tokenizer.vocabularySize());
        context.out().println(tokenizer.decode(tokens));
        return 0;
    }
}
