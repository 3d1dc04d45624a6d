package dev.millrace.server.cli.keys;

import dev.millrace.server.cli.CommandContext;
import dev.millrace.server.cli.JsonOutput;
import dev.millrace.server.cli.LedgerLocation;
import dev.millrace.server.cli.TextTable;
import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.tenants.ApiKey;
import dev.millrace.server.tenants.KeyStore;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code millrace keys list}: the keys, except for the keys themselves. */
@Command(name = "list", description = "List the keys.")
final class KeysListCommand implements Callable<Integer> {

    private static final DateTimeFormatter TIME = DateTimeFormatter
            .ofPattern("yyyy-MM-dd HH:mm'Z'").withZone(ZoneOffset.UTC);

    /** A key as JSON; null for no limit and for not revoked, no models for all. */
    private record Listed(String id, String name, String team, String project,
            String role,
            Integer requestsPerMinute, Integer tokensPerMinute, List<String> models,
            long createdMs, Long revokedMs) {

        static Listed of(ApiKey key) {
            return new Listed(key.id(), key.name(), key.team(), key.project().orElse(null),
                    key.role().word(),
                    key.requestsPerMinute() == 0 ? null : key.requestsPerMinute(),
                    key.tokensPerMinute() == 0 ? null : key.tokensPerMinute(),
                    key.models().stream().sorted().toList(), key.createdMillis(),
                    key.revoked() ? key.revokedMillis() : null);
        }
    }

    private final CommandContext context;

    @Option(names = "--json", description = "Print a JSON array instead of a table.")
    private boolean json;

    @Option(names = "--ledger", paramLabel = "FILE|URL",
            description = "The server's ledger, which keeps the keys (default: that of serve).")
    private String ledger;

    KeysListCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        LedgerAddress address = LedgerLocation.of(ledger, context.environment());
        List<ApiKey> keys = address.exists() ? stored(address) : List.of();
        if (json) {
            context.out().println(JsonOutput.text(keys.stream().map(Listed::of).toList()));
            return 0;
        }
        if (keys.isEmpty()) {
            context.out().println("There are no keys in " + address
                    + ". Make one with ./millrace keys create --name NAME.");
            return 0;
        }
        TextTable table = new TextTable("ID", "NAME", "TEAM", "PROJECT", "ROLE", "RPM", "TPM",
                "MODELS",
                "CREATED", "STATE");
        for (ApiKey key : keys) {
            table.row(key.id(), key.name(), key.team(), key.project().orElse("-"),
                    key.role().word(), limit(key.requestsPerMinute()), limit(key.tokensPerMinute()),
                    key.models().isEmpty()
                            ? "all"
                            : String.join(",", key.models().stream().sorted().toList()),
                    time(key.createdMillis()),
                    key.revoked() ? "revoked " + time(key.revokedMillis()) : "good");
        }
        table.print(context.out());
        return 0;
    }

    private static List<ApiKey> stored(LedgerAddress address) {
        try (KeyStore store = KeyStore.open(address)) {
            return store.list();
        }
    }

    private static String limit(int perMinute) {
        return perMinute == 0 ? "-" : Integer.toString(perMinute);
    }

    private static String time(long millis) {
        return TIME.format(Instant.ofEpochMilli(millis));
    }
}
