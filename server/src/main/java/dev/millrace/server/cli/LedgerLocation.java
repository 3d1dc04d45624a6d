package dev.millrace.server.cli;

import dev.millrace.models.store.ModelStore;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.metering.UsageLedger;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Finds the ledger that a command is about. */
public final class LedgerLocation {

    private LedgerLocation() {}

    /** Where a server keeps its ledger by the settings of now: its flags cannot be known here. */
    public static Path served(Map<String, String> environment) {
        return ServerConfig.load(environment, ModelStore.root(environment), Optional.empty(),
                Map.of()).ledger().orElseGet(() -> UsageLedger.defaultFile(environment));
    }
}
