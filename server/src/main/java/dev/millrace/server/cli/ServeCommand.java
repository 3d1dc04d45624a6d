package dev.millrace.server.cli;

import dev.millrace.models.store.StoredModel;
import dev.millrace.server.config.NamedModel;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.config.Setting;
import dev.millrace.server.metering.UsageLedger;
import dev.millrace.server.wiring.ModelSource;
import dev.millrace.server.wiring.ServingAssembly;
import dev.millrace.server.wiring.TerminationSignals;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code millrace serve}: an OpenAI-compatible server that meters every token. */
@Command(name = "serve", description = "Serve a model over HTTP, compatible with OpenAI's API.",
        footer = {
            "", "Every flag is also a key of millrace.yaml (drain_seconds) and a variable",
            "(MILLRACE_DRAIN_SECONDS). The cost of the machine stands in millrace.yaml only."})
final class ServeCommand implements Callable<Integer> {

    private final CommandContext context;

    @Mixin
    private ComputeOptions compute = new ComputeOptions();

    @Mixin
    private ExposureOptions exposure = new ExposureOptions();

    @Mixin
    private StorageOptions storage = new StorageOptions();

    ServeCommand(CommandContext context) {
        this.context = context;
    }

    @Parameters(arity = "0..*", paramLabel = "MODEL",
            description = "A model (see: millrace --help), or NAME=MODEL to have clients call it"
                    + " NAME. Several share the memory, and take turns where it is too little."
                    + " Default: tinyllama.")
    private List<String> models = new ArrayList<>();

    @Option(names = {"-m",
        "--model"}, paramLabel = "MODEL", description = "The same as an option.")
    private List<String> moreModels = new ArrayList<>();

    @Option(names = "--idle-unload", paramLabel = "SECONDS",
            description = "Free the memory of a model without requests for so long; the next"
                    + " request loads it again (default: off).")
    void idleUnload(String value) {
        compute.set(Setting.IDLE_UNLOAD, value);
    }

    @Option(names = "--context", paramLabel = "N", description = "Longest sequence, prompt and"
            + " answer together (default: the model's, at most 8192).")
    void contextTokens(String value) {
        compute.set(Setting.CONTEXT, value);
    }

    @Option(names = {"--sequences",
        "--parallel"}, paramLabel = "N",
            description = "Most requests computed at once (default: 8).")
    void sequences(String value) {
        compute.set(Setting.SEQUENCES, value);
    }

    @Option(names = "--step-tokens", paramLabel = "N",
            description = "Most tokens computed in one step (default: 512).")
    void stepTokens(String value) {
        compute.set(Setting.STEP_TOKENS, value);
    }

    @Option(names = "--speculate", paramLabel = "HOW",
            description = "ngram: guess tokens from what the text said before, and let the model"
                    + " verify them; changes no token, and pauses where it does not pay. off."
                    + " (default: ngram)")
    void speculate(String value) {
        compute.set(Setting.SPECULATE, value);
    }

    @Option(names = "--draft", paramLabel = "SMALL", description = "A smaller model with the same"
            + " tokens that guesses ahead for the first model, or as MODEL=SMALL for another; may"
            + " be repeated. Changes no token, and pauses where it does not pay.")
    private List<String> drafts = new ArrayList<>();

    @Option(names = "--tool-format", paramLabel = "NAME",
            description = "How the model spells calls of functions: hermes, qwen-xml, mistral,"
                    + " mistral-args, granite, llama, pythonic, deepseek, deepseek-v31, harmony or"
                    + " json (default: what its template tells).")
    void toolFormat(String value) {
        compute.set(Setting.TOOL_FORMAT, value);
    }

    @Option(names = "--queue", paramLabel = "N",
            description = "Most requests that wait; more are refused (default: 256).")
    void queue(String value) {
        compute.set(Setting.QUEUE, value);
    }

    @Option(names = "--lora", paramLabel = "NAME=PATH", description = "A LoRA adapter, served as"
            + " MODEL:NAME: a directory as PEFT writes it or a GGUF file; may be repeated.")
    private List<String> adapters = new ArrayList<>();

    @Option(names = "--lora-memory", paramLabel = "AMOUNT", description = "Memory set aside for"
            + " adapters, such as 500MB (default: what those of --lora need).")
    void loraMemory(String value) {
        compute.set(Setting.LORA_MEMORY, value);
    }

    @Option(names = "--lora-updates", description = "Let clients have adapters loaded, from any"
            + " path that this process can read, and unloaded (default: off).")
    void loraUpdates(boolean on) {
        compute.set(Setting.LORA_UPDATES, on ? "on" : "off");
    }

    @Option(names = "--drain-seconds", paramLabel = "N",
            description = "How long running requests may take at the end (default: 30).")
    void drainSeconds(String value) {
        compute.set(Setting.DRAIN_SECONDS, value);
    }

    @Option(names = "--ledger", paramLabel = "FILE|URL", description = "The ledger: a file, or a"
            + " database by jdbc:postgresql://... (default: ledger.db in MILLRACE_HOME).")
    void ledger(String value) {
        compute.set(Setting.LEDGER, value);
    }

    @Option(names = "--ledger-outage", paramLabel = "serve|stop", description = "While the ledger"
            + " cannot be written: serve on, or take no requests (default: serve).")
    void ledgerOutage(String value) {
        compute.set(Setting.LEDGER_OUTAGE, value);
    }

    @Option(names = "--ledger-journal", paramLabel = "N", description = "Most requests that run or"
            + " wait for the ledger (default: 30000).")
    void ledgerJournal(String value) {
        compute.set(Setting.LEDGER_JOURNAL, value);
    }

    @Option(names = "--ledger-rollup-days", paramLabel = "N", description = "Days after which the"
            + " rows of requests are rolled up by the hour, from 35; off, the default: never.")
    void ledgerRollupDays(String value) {
        compute.set(Setting.LEDGER_ROLLUP_DAYS, value);
    }

    @Override
    public Integer call() throws InterruptedException {
        exposure.copyTo(compute);
        storage.copyTo(compute);
        if (!adapters.isEmpty()) {
            compute.set(Setting.LORA, String.join(",", adapters));
        }
        if (!drafts.isEmpty()) {
            compute.set(Setting.DRAFT, String.join("\n", drafts));
        }
        List<String> named = Stream.concat(models.stream(), moreModels.stream()).toList();
        if (!named.isEmpty()) {
            compute.set(Setting.MODEL, String.join("\n", named));
        }
        ServerConfig config = compute.load(context);
        ServingAssembly.requireStartable(config);
        List<ModelSource> sources = sources(config);
        context.err().println("loading " + sources.getFirst().file());
        TerminationSignals signals = new TerminationSignals();
        ServingAssembly assembly = new ServingAssembly(sources, config,
                UsageLedger.defaultFile(context.environment()));
        context.out().print(new ServingBanner(assembly, config).text());
        context.out().flush();
        signals.await();
        context.err().println("stopping; running requests have " + config.drain().toSeconds()
                + " s (a second signal ends them at once)");
        boolean finished = assembly.stop(config.drain());
        context.err().println(finished ? "stopped" : "stopped; some requests were cut off");
        return 0;
    }

    private List<ModelSource> sources(ServerConfig config) throws InterruptedException {
        List<ModelSource> sources = new ArrayList<>();
        for (NamedModel model : config.models()) {
            sources.add(source(model));
        }
        for (NamedModel draft : config.drafts()) {
            String id = draft.name().orElse(sources.getFirst().id());
            int index = sources.stream().map(ModelSource::id).toList().indexOf(id);
            if (index < 0) {
                throw new IllegalArgumentException("--draft " + id + "=" + draft.reference()
                        + " guesses for a model that is not served; served are "
                        + String.join(", ", sources.stream().map(ModelSource::id).toList()));
            }
            ModelSource model = sources.get(index);
            sources.set(index, new ModelSource(model.id(), model.file(), model.stated(),
                    Optional.of(context.resolve(draft.reference()))));
        }
        return sources;
    }

    private ModelSource source(NamedModel model) throws InterruptedException {
        Path file = context.resolve(model.reference());
        Optional<StoredModel> stored = context.stored(model.reference());
        String id = model.name().orElseGet(() -> CommandContext.servedName(stored, file));
        return new ModelSource(id, file, stored.flatMap(StoredModel::terms));
    }
}
