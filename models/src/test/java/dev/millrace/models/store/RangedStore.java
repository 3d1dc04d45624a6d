package dev.millrace.models.store;

import java.net.ProxySelector;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** Stores in a test's folder that bring small files in pieces; one of them in its own process. */
final class RangedStore {

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private RangedStore() {}

    /** @param registry address of an npm registry */
    static ModelStore open(Path root, String registry) {
        return open(root, registry, HubStore.LEAST_RANGED_BYTES);
    }

    /** @param leastRanged files of so many bytes come in pieces */
    static ModelStore open(Path root, String registry, long leastRanged) {
        Path nowhere = root.resolve("nowhere");
        return new ModelStore(root.resolve("store"), new Catalog(List.of()),
                NpmConfiguration.load(Map.of("npm_config_registry", registry), nowhere, nowhere),
                () -> HubConfiguration.load(Map.of(), nowhere),
                new HttpFetcher(ProxySelector.of(null)), PATIENCE,
                new Retries(Duration.ofMillis(1)), leastRanged);
    }

    /** Pulls: the folder, the registry, the reference, the size from which on pieces come. */
    public static void main(String[] arguments) throws InterruptedException {
        try (ModelStore store = open(Path.of(arguments[0]), arguments[1],
                Long.parseLong(arguments[3]))) {
            store.pull(arguments[2], new HubStore.Watcher());
        }
    }
}
