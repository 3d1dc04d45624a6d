package dev.millrace.server.cli;

import dev.millrace.engine.DeviceLane;
import dev.millrace.engine.GenerationRequest;
import dev.millrace.engine.ServiceTerms;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.models.ChatPrompt;
import dev.millrace.models.Model;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.config.Setting;
import dev.millrace.server.wiring.LoadedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code millrace run}: one answer, as it comes. */
@Command(name = "run", description = "Generate text on the command line.")
final class RunCommand implements Callable<Integer> {

    private final CommandContext context;

    @Spec
    private CommandSpec spec;

    @Mixin
    private ComputeOptions compute = new ComputeOptions();

    @Mixin
    private ConstraintOptions constraint = new ConstraintOptions();

    @Mixin
    private SamplingOptions sampling = new SamplingOptions();

    @Mixin
    private EndOptions end = new EndOptions();

    @Parameters(index = "0", paramLabel = "MODEL", description = "A model (see: millrace --help).")
    private String reference;

    @Parameters(index = "1", arity = "0..1", paramLabel = "PROMPT",
            description = "What to answer; standard input if absent.")
    private String prompt;

    @Option(names = "--raw", description = "Continue PROMPT as it is, without the chat template.")
    private boolean raw;

    @Option(names = "--system", paramLabel = "TEXT", description = "A system message.")
    private String system;

    @Option(names = "--echo", description = "Print the prompt as well.")
    private boolean echo;

    @Option(names = "--prompt-ids", paramLabel = "IDS",
            description = "The prompt as token ids with commas.")
    private String promptIds;

    @Option(names = "--print-ids", description = "Print token ids with commas instead of text.")
    private boolean printIds;

    @Option(names = "--lora", paramLabel = "PATH", description = "A LoRA adapter: a directory as"
            + " PEFT writes it or a GGUF file.")
    private Path adapter;

    @Option(names = {"-n",
        "--max-tokens"}, paramLabel = "N", defaultValue = "512",
            description = "Most tokens to generate (default: ${DEFAULT-VALUE}).")
    private int maxTokens;

    @Option(names = "--context", paramLabel = "N",
            description = "Longest sequence, prompt and answer together.")
    void contextTokens(String value) {
        compute.set(Setting.CONTEXT, value);
    }

    RunCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (promptIds != null && (prompt != null || system != null)) {
            throw new ParameterException(spec.commandLine(),
                    "--prompt-ids is the whole prompt; leave out PROMPT and --system");
        }
        if (raw && system != null) {
            throw new ParameterException(spec.commandLine(),
                    "--system needs the chat template; leave out --raw");
        }
        sampling.check();
        end.check(maxTokens);
        compute.set(Setting.SEQUENCES, "1");
        ServerConfig config = compute.load(context);
        Path file = context.resolve(reference);
        try (LoadedModel loaded = LoadedModel.open(file, config, new DeviceLane(),
                Duration.ZERO, Stream.ofNullable(adapter).toList())) {
            loaded.remark().ifPresent(remark -> context.err().println("note: " + remark));
            int[] tokens = promptTokens(loaded.model());
            if (echo) {
                echo(loaded.model(), tokens);
            }
            int room = loaded.contextTokens() - tokens.length;
            GenerationRequest request = new GenerationRequest("run", tokens,
                    Math.max(1, Math.min(maxTokens, room)),
                    sampling.parameters(loaded.model()::requiredTokenizer, end.minTokens()),
                    end.stopTokens(), end.stopSequences(), end.ignoreEnd(), -1, "run", "",
                    SequenceRow.NO_ADAPTER, constraint.compile(loaded.vocabulary()), end.reply(),
                    ServiceTerms.STANDARD);
            GenerationPrinter printer = printIds
                    ? GenerationPrinter.ofIds(context.out())
                    : GenerationPrinter.ofText(context.out());
            RunReport report = OneGeneration.run(loaded, request, adapter, printer);
            report.print(context.err(), config, sampling.seedInUse());
            return report.succeeded() ? 0 : 1;
        }
    }

    private int[] promptTokens(Model model) throws IOException {
        if (maxTokens < 1) {
            throw new IllegalArgumentException("--max-tokens must be at least 1, got " + maxTokens);
        }
        if (promptIds != null) {
            return Tokenizers.parseIds(promptIds, model.spec().vocabularySize());
        }
        Tokenizer tokenizer = model.requiredTokenizer();
        String text = prompt != null ? prompt : context.readInput();
        return raw || model.chatTemplate().isEmpty() && withoutTemplate(model)
                ? tokenizer.encode(text, true)
                : ChatPrompt.encode(model.chatTemplate().orElseThrow(), tokenizer, messages(text));
    }

    private List<Map<String, Object>> messages(String question) {
        Map<String, Object> user = Map.of("role", "user", "content", question);
        return system == null
                ? List.of(user)
                : List.of(Map.of("role", "system", "content", system), user);
    }

    /** A base model has no template, and nobody should mistake its continuation for an answer. */
    private boolean withoutTemplate(Model model) {
        if (system != null) {
            throw new IllegalArgumentException(reference + " has no chat template, so --system"
                    + " means nothing to it: " + model.chatTemplateProblem().orElse(""));
        }
        context.err().println("note: " + model.chatTemplateProblem().orElse("no chat template")
                + "; continuing the text as with --raw");
        return true;
    }

    private void echo(Model model, int[] tokens) {
        if (!printIds) {
            context.out().print(model.requiredTokenizer().decode(tokens));
            context.out().flush();
        }
    }
}
