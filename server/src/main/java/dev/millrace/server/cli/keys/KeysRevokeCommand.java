package dev.millrace.server.cli.keys;

import dev.millrace.server.cli.CommandContext;
import dev.millrace.server.cli.LedgerLocation;
import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.tenants.ApiKey;
import dev.millrace.server.tenants.KeyStore;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code millrace keys revoke}: ends a key for good. */
@Command(name = "revoke", description = "Revoke a key. What runs with it already goes on.")
final class KeysRevokeCommand implements Callable<Integer> {

    private final CommandContext context;

    @Parameters(paramLabel = "NAME", description = "A key's name or id.")
    private String nameOrId;

    @Option(names = "--ledger", paramLabel = "FILE|URL",
            description = "The server's ledger, which keeps the keys (default: that of serve).")
    private String ledger;

    KeysRevokeCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        LedgerAddress address = LedgerLocation.of(ledger, context.environment());
        ApiKey revoked;
        try (KeyStore store = KeyStore.open(address)) {
            revoked = store.revoke(nameOrId);
        }
        context.out().println("revoked key " + revoked.id() + " (" + revoked.name() + ")");
        return 0;
    }
}
