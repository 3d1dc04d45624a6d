package dev.millrace.server.cli;

import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.forward.ForwardPass.OpenTimes;
import dev.millrace.models.store.ByteCounts;
import dev.millrace.server.Release;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.embeddings.EmbeddingModel;
import dev.millrace.server.wiring.LoadedModel;
import dev.millrace.server.wiring.ServingAssembly;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** What a server says when it is ready: where, what, with what, at what price. */
record ServingBanner(ServingAssembly assembly, ServerConfig config) {

    private static final String CHAT = "\"messages\": "
            + "[{\"role\": \"user\", \"content\": \"What does a millrace do?\"}]";
    /** For a model without a chat template, which refuses chats. */
    private static final String TEXT = "\"prompt\": \"Once upon a time\"";

    String text() {
        StringBuilder text = new StringBuilder();
        text.append("Millrace ").append(Release.version()).append(" serves ")
                .append(assembly.id()).append(" at ").append(url()).append("\n\n");
        assembly.loaded().ifPresent(loaded -> describe(loaded, text));
        for (EmbeddingModel model : assembly.embedding()) {
            line(text, model.scores() ? "ranks" : "embeds", String.format(Locale.ROOT,
                    "%s: %s, %s of at most %d tokens, %s", model.id(), model.architecture(),
                    model.scores() ? "pairs" : model.dimensions() + " dimensions, texts",
                    model.contextTokens(), model.licence()));
            model.unproven().ifPresent(why -> line(text, "UNPROVEN", why));
        }
        if (!config.adapters().isEmpty()) {
            line(text, "adapters", config.adapters().stream()
                    .map(adapter -> assembly.id() + ":" + adapter.name())
                    .collect(Collectors.joining(", ")));
        }
        if (config.adapterUpdates()) {
            line(text, "NOTE", "clients may have any adapter loaded that this process can read");
        }
        assembly.loaded().ifPresent(loaded -> line(text, "ready", readyText(loaded)));
        line(text, "cost", String.format(Locale.ROOT, "$%.4f per hour%s; energy: %s",
                assembly.rate().nanoUsdPerHour() * 1e-9, assembly.rate().assumed()
                        ? " (assumed: millrace.yaml has no section \"cost\")"
                        : "",
                assembly.energy().description()));
        line(text, "ledger", assembly.ledger().toString());
        line(text, "keys", keysText());
        if (assembly.metricsPort() != 0) {
            line(text, "metrics", "also on port " + assembly.metricsPort() + ", without a key");
        }
        return text.append("\nTry:\n  curl ").append(url()).append(example()).toString();
    }

    private void describe(LoadedModel loaded, StringBuilder text) {
        DeviceMemory memory = loaded.pass().memory();
        line(text, "model", String.format(Locale.ROOT,
                "%s, %,d parameters, context of %d tokens, %d requests at once",
                loaded.spec().architecture(),
                loaded.model().footprint(config.cacheFormat()).parameters(),
                loaded.contextTokens(), config.sequences()));
        line(text, "licence", assembly.licence().toString());
        line(text, "backend", (assembly.replicas() == 1
                ? ""
                : assembly.replicas() + " replicas, the first on ")
                + loaded.backend().description()
                + (loaded.why().isEmpty() ? "" : " (" + loaded.why() + ")"));
        loaded.remark().ifPresent(remark -> line(text, "NOTE", remark));
        line(text, "memory", ByteCounts.text(memory.totalBytes()) + " ("
                + ByteCounts.text(memory.weightBytes()) + " weights, "
                + ByteCounts.text(memory.cacheBytes()) + " cache in "
                + config.cacheFormat().name().toLowerCase(Locale.ROOT) + ", "
                + ByteCounts.text(memory.bufferBytes()) + " buffers" + (memory.adapterBytes() == 0
                        ? ""
                        : ", " + ByteCounts.text(memory.adapterBytes()) + " for adapters")
                + ")");
        assembly.draft().ifPresent(draft -> line(text, "draft",
                ByteCounts.text(draft.pass().memory().totalBytes()) + " beside that: "
                        + ByteCounts.text(draft.pass().memory().weightBytes()) + " weights, "
                        + ByteCounts.text(draft.pass().memory().cacheBytes())
                        + " cache; it guesses, the model decides"));
        if (!assembly.others().isEmpty()) {
            line(text, "also", String.join(", ", assembly.others())
                    + ": loaded when first asked for");
        }
    }

    /** A request that works with what is served. */
    private String example() {
        boolean ranks = !assembly.embedding().isEmpty() && assembly.embedding().getFirst().scores();
        String path = ranks ? "/rerank" : "/embeddings";
        String ask = ranks
                ? "\"query\": \"mill\", \"documents\": [\"A millrace drives it.\", \"Tea.\"]"
                : "\"input\": \"What does a millrace do?\"";
        if (assembly.loaded().isPresent()) {
            boolean chats = assembly.loaded().get().model().chatTemplate().isPresent();
            path = chats ? "/chat/completions" : "/completions";
            ask = chats ? CHAT : TEXT;
        }
        return path + " -H 'Content-Type: application/json' \\\n    -d '{\"model\": \""
                + assembly.id() + "\", " + ask + "}'\n";
    }

    /** Where the time since the JVM began went. */
    private static String readyText(LoadedModel loaded) {
        OpenTimes times = loaded.pass().openTimes();
        long totalNanos = TimeUnit.MILLISECONDS.toNanos(System.currentTimeMillis()
                - ManagementFactory.getRuntimeMXBean().getStartTime());
        return String.format(Locale.ROOT, "after %.1f s: %.1f s weights and memory, "
                + "%.1f s warm-up (billed as overhead), %.1f s all else", totalNanos * 1e-9,
                times.loadNanos() * 1e-9, times.warmUpNanos() * 1e-9,
                (totalNanos - times.loadNanos() - times.warmUpNanos()) * 1e-9);
    }

    private String keysText() {
        if (assembly.needsKeys()) {
            return "clients need one; ./millrace keys list shows them";
        }
        return isLoopback()
                ? "none: all of this machine may use it; ./millrace keys create makes one"
                : "NONE, so nobody may use it: make one with ./millrace keys create";
    }

    private static void line(StringBuilder text, String label, String value) {
        text.append("  ").append(label).repeat(' ', 9 - label.length()).append(value).append('\n');
    }

    private String url() {
        String host = config.host().contains(":") ? "[" + config.host() + "]" : config.host();
        boolean everywhere = host.equals("0.0.0.0") || host.equals("[::]");
        return (config.exposure().tlsKey().isPresent() ? "https://" : "http://")
                + (everywhere ? "127.0.0.1" : host) + ":" + assembly.port() + "/v1";
    }

    private boolean isLoopback() {
        try {
            return InetAddress.getByName(config.host()).isLoopbackAddress();
        } catch (UnknownHostException e) {
            return false; // it listens, so this cannot happen
        }
    }
}
