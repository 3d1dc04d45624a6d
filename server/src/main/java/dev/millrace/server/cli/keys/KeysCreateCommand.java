package dev.millrace.server.cli.keys;

import dev.millrace.server.cli.CommandContext;
import dev.millrace.server.cli.LedgerLocation;
import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.tenants.ApiKey;
import dev.millrace.server.tenants.KeyStore;
import dev.millrace.server.tenants.NewKey;
import dev.millrace.server.tenants.Role;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code millrace keys create}: makes a key and prints it, this once. */
@Command(name = "create", description = "Make a key. Only the key goes to standard output.")
final class KeysCreateCommand implements Callable<Integer> {

    private final CommandContext context;

    @Option(names = "--name", paramLabel = "NAME", required = true,
            description = "What to call it.")
    private String name;

    @Option(names = "--team", paramLabel = "NAME", description = "Whom the ledger bills; keys of"
            + " one team share the cache of prompts (default: the key's name).")
    private String team;

    @Option(names = "--project", paramLabel = "NAME", description = "What its requests are for, in"
            + " reports and budgets (default: none).")
    private String project;

    @Option(names = "--role", paramLabel = "ROLE", defaultValue = "tenant", description = "tenant:"
            + " have models answer. metrics: read /metrics. admin: everything."
            + " (default: tenant)")
    private Role role;

    @Option(names = "--rpm", paramLabel = "N",
            description = "Most requests per minute (default: no limit).")
    private Integer requestsPerMinute;

    @Option(names = "--tpm", paramLabel = "N", description = "Most tokens per minute, of prompts"
            + " and completions together (default: no limit).")
    private Integer tokensPerMinute;

    @Option(names = "--models", paramLabel = "ID", split = ",",
            description = "The models that it may use, with commas (default: all).")
    private List<String> models = List.of();

    @Option(names = "--ledger", paramLabel = "FILE|URL",
            description = "The server's ledger, which keeps the keys (default: that of serve).")
    private String ledger;

    KeysCreateCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        ApiKey wanted = new ApiKey("", name, team == null ? name : team,
                Optional.ofNullable(project), role,
                limit("--rpm", requestsPerMinute), limit("--tpm", tokensPerMinute),
                Set.copyOf(models), 0, 0);
        LedgerAddress address = LedgerLocation.of(ledger, context.environment());
        NewKey made;
        try (KeyStore store = KeyStore.open(address)) {
            made = store.create(wanted);
        }
        context.out().println(made.secret());
        context.out().flush();
        context.err().println("made key " + made.key().id() + " (" + name + ", team "
                + made.key().team() + made.key().project().map(one -> ", project " + one).orElse("")
                + ", " + role.word() + ") in " + address
                + "; it is not shown again");
        return 0;
    }

    private static int limit(String flag, Integer value) {
        if (value != null && value < 1) {
            throw new IllegalArgumentException(flag + " must be at least 1, got " + value
                    + "; leave it out for no limit");
        }
        return value == null ? 0 : value;
    }
}
