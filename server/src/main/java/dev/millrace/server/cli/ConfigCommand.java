package dev.millrace.server.cli;

import dev.millrace.server.config.EffectiveConfig;
import dev.millrace.server.metering.rate.RateSchedule;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;

/** {@code millrace config}: what a server would be started with, and whose word each value is. */
@Command(name = "config", description = "Check the settings, and show what applies and why.")
final class ConfigCommand implements Callable<Integer> {

    private static final int VALUE_COLUMN = 36;

    /** The JSON. */
    private record Report(String file, List<Value> settings, JsonNode cost) {}

    private record Value(String key, String value, String origin) {}

    private final CommandContext context;

    @Option(names = "--config", paramLabel = "FILE", description = "Settings (default:"
            + " ./millrace.yaml, then millrace.yaml in MILLRACE_HOME, if there is one).")
    private Path file;

    @Option(names = "--json", description = "Print one JSON object instead of YAML.")
    private boolean json;

    ConfigCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        EffectiveConfig config = EffectiveConfig.load(context.environment(), context.home(),
                Optional.ofNullable(file), Map.of());
        RateSchedule.configured(config.cost());
        if (json) {
            context.out().println(JsonOutput.text(new Report(
                    config.file().map(path -> path.toAbsolutePath().toString()).orElse(null),
                    config.entries().stream().map(entry -> new Value(entry.setting().key(),
                            entry.value(), entry.origin())).toList(),
                    config.cost())));
        } else {
            context.out().print(yaml(config));
        }
        return 0;
    }

    private static String yaml(EffectiveConfig config) {
        StringBuilder text = new StringBuilder("# ").append(config.file()
                .map(path -> "from " + path.toAbsolutePath()).orElse("no millrace.yaml"))
                .append(", the environment and defaults; flags of serve beat all of these\n");
        for (EffectiveConfig.Entry entry : config.entries()) {
            String line = entry.value().isEmpty()
                    ? "# " + entry.setting().key() + ":"
                    : entry.setting().key() + ": " + quoted(entry.value());
            text.append(line).repeat(' ', Math.max(1, VALUE_COLUMN - line.length())).append("# ")
                    .append(entry.origin()).append('\n');
        }
        if (config.cost() == null) {
            return text.append("# cost: the default profile, so that every price is assumed\n")
                    .toString();
        }
        text.append("cost:\n");
        config.cost().properties().forEach(one -> text.append("  ").append(one.getKey())
                .append(": ").append(one.getValue()).append('\n'));
        return text.toString();
    }

    /** Plain where YAML takes it as it is, else quoted as JSON, which YAML takes too. */
    private static String quoted(String value) {
        return value.matches("[A-Za-z0-9_./][A-Za-z0-9_./=-]*") ? value : JsonOutput.text(value);
    }
}
