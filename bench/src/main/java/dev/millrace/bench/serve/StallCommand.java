package dev.millrace.bench.serve;

import dev.millrace.bench.BenchException;
import dev.millrace.bench.model.ModelOptions;
import dev.millrace.bench.report.Hardware;
import dev.millrace.bench.report.ResultLog;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code bench stall}: what a long prompt does to those who are being answered. */
@Command(name = "stall", description = "Gaps between the tokens of running answers, before a long"
        + " prompt comes and while it is computed.")
public final class StallCommand implements Callable<Integer> {

    @Mixin
    private TargetOptions target = new TargetOptions();

    @Option(names = "--clients", paramLabel = "N",
            description = "Answers that run meanwhile (default: ${DEFAULT-VALUE}).")
    private int clients = 4;

    @Option(names = "--prompt-tokens", paramLabel = "N",
            description = "Tokens of the long prompt (default: ${DEFAULT-VALUE}).")
    private int promptTokens = 4096;

    @Option(names = "--output-tokens", paramLabel = "N",
            description = "Tokens of each running answer: so many that they outlast the prompt"
                    + " (default: ${DEFAULT-VALUE}).")
    private int outputTokens = 1500;

    @Option(names = "--unloaded", paramLabel = "SECONDS",
            description = "How long to listen before the prompt comes (default:"
                    + " ${DEFAULT-VALUE}).")
    private int unloadedSeconds = 10;

    @Option(names = "--seed", paramLabel = "N", description = "Of the prompts (default:"
            + " ${DEFAULT-VALUE}).")
    private long seed = 1;

    @Override
    public Integer call() throws IOException, InterruptedException {
        ModelOptions.requirePositive("--clients", clients);
        ModelOptions.requirePositive("--prompt-tokens", promptTokens);
        ModelOptions.requirePositive("--output-tokens", outputTokens);
        target.check();
        ModelOptions.warnIfBusy();
        try (StreamingClient client = new StreamingClient(target.url, target.model,
                target.timeout())) {
            report(run(client));
        }
        return 0;
    }

    /** The running answers, and last the one to the long prompt. */
    private List<Answered> run(StreamingClient client) throws InterruptedException {
        RandomPrompts prompts = new RandomPrompts(target.vocabulary, 0, seed);
        long startNanos = System.nanoTime();
        List<Answered> answers = new ArrayList<>();
        try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Answered>> running = new ArrayList<>();
            for (int i = 0; i < clients; i++) {
                int[] prompt = prompts.prompt(i, 16);
                running.add(executor.submit(
                        () -> client.complete(prompt, outputTokens, null, startNanos, 0)));
            }
            TimeUnit.SECONDS.sleep(unloadedSeconds);
            Answered loud = client.complete(prompts.prompt(clients, promptTokens), 1, null,
                    startNanos, System.nanoTime() - startNanos);
            for (Future<Answered> one : running) {
                answers.add(one.get());
            }
            answers.add(loud);
        } catch (ExecutionException e) {
            throw new IllegalStateException("a request could not be sent", e.getCause());
        }
        answers.stream().filter(answer -> !answer.succeeded()).findFirst().ifPresent(bad -> {
            throw new BenchException("a request failed: " + bad.failure());
        });
        return answers;
    }

    private void report(List<Answered> answers) throws IOException {
        Answered loud = answers.getLast();
        Stall stall = Stall.of(answers.subList(0, clients), loud);
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("model", target.model);
        line.put("clients", clients);
        line.put("prompt_tokens", promptTokens);
        line.put("gap_ms_unloaded", stall.before());
        line.put("gap_ms_beside_prompt", stall.during());
        line.put("p99_ratio", stall.ratio());
        line.put("first_token_ms", loud.firstMillis());
        new ResultLog(target.results, Hardware.detect()).append("stall", line);
        System.out.printf(Locale.ROOT, "  %d answers, gaps in ms p50/95/99: %s unloaded, %s while a"
                + " prompt of %d tokens is computed in %.1f s; p99 %.2f times%n", clients,
                stall.before(), stall.during(), promptTokens, loud.firstMillis() * 1e-3,
                stall.ratio());
    }
}
