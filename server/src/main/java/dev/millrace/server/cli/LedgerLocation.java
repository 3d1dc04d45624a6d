package dev.millrace.server.cli;

import dev.millrace.models.store.ModelStore;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.metering.UsageLedger;
import dev.millrace.server.metering.database.LedgerAddress;
import java.util.Map;
import java.util.Optional;

/** Finds the ledger that a command is about. */
public final class LedgerLocation {

    private LedgerLocation() {}

    /** The ledger that was named, or else the server's. @param named may be null */
    public static LedgerAddress of(String named, Map<String, String> environment) {
        return named == null ? served(environment) : LedgerAddress.of(named);
    }

    /** Where a server keeps its ledger by the settings of now: its flags cannot be known here. */
    public static LedgerAddress served(Map<String, String> environment) {
        return ServerConfig.load(environment, ModelStore.root(environment), Optional.empty(),
                Map.of()).ledger().address().orElseGet(() -> LedgerAddress
                        .ofFile(UsageLedger.defaultFile(environment)));
    }
}
