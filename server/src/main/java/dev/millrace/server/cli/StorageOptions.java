package dev.millrace.server.cli;

import dev.millrace.server.config.Setting;
import java.util.EnumMap;
import java.util.Map;
import picocli.CommandLine.Option;

/** The flags that say what clients may leave with a server, and how batches run. */
final class StorageOptions {

    private final Map<Setting, String> flags = new EnumMap<>(Setting.class);

    @Option(names = "--store-days", paramLabel = "N", description = "How long what clients store"
            + " (responses) is kept, or off for not at all (default: 30).")
    void storeDays(String value) {
        flags.put(Setting.STORE_DAYS, value);
    }

    @Option(names = "--store-size", paramLabel = "AMOUNT", description = "Most that one tenant's"
            + " responses take, such as 1GB, the default; beyond it the oldest go.")
    void storeSize(String value) {
        flags.put(Setting.STORE_SIZE, value);
    }

    @Option(names = "--file-size", paramLabel = "AMOUNT",
            description = "Most that one uploaded file may have (default: 200MB).")
    void fileSize(String value) {
        flags.put(Setting.FILE_SIZE, value);
    }

    @Option(names = "--tenant-files", paramLabel = "AMOUNT", description = "Most that the files of"
            + " a team may have together, results of batches included (default: 10GB).")
    void tenantFiles(String value) {
        flags.put(Setting.TENANT_FILES, value);
    }

    @Option(names = "--batch-rows", paramLabel = "N", description = "Most rows of batches computed"
            + " at once, when nothing else wants their place (default: as --sequences).")
    void batchRows(String value) {
        flags.put(Setting.BATCH_ROWS, value);
    }

    @Option(names = "--batch-price", paramLabel = "SHARE", description = "What is asked for a row"
            + " of a batch, as a share of what it cost (default: 0.5).")
    void batchPrice(String value) {
        flags.put(Setting.BATCH_PRICE, value);
    }

    void copyTo(ComputeOptions compute) {
        flags.forEach(compute::set);
    }
}
