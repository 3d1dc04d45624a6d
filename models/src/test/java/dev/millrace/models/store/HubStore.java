package dev.millrace.models.store;

import java.net.ProxySelector;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Stores in a test's folder that ask a fake hub, and a listener that remembers. */
final class HubStore {

    /** Remembers what it was told. */
    static final class Watcher implements PullListener {
        final List<String> notices = Collections.synchronizedList(new ArrayList<>());
        final List<PullProgress> progress = Collections.synchronizedList(new ArrayList<>());
        final List<PullPlan> plans = new ArrayList<>();

        @Override
        public void progress(PullProgress step) {
            progress.add(step);
        }

        @Override
        public void notice(String message) {
            notices.add(message);
        }

        @Override
        public void plan(PullPlan plan) {
            plans.add(plan);
        }
    }

    /** Smaller than the models of the tests, so that they come in pieces. */
    static final long LEAST_RANGED_BYTES = 100_000;

    private HubStore() {}

    static ModelStore open(Path root, FakeHub hub, String token, CatalogEntry... catalog) {
        return open(root, hub, token, Duration.ofSeconds(20), catalog);
    }

    /** @param patience how long a connection may deliver nothing */
    static ModelStore open(Path root, FakeHub hub, String token, Duration patience,
            CatalogEntry... catalog) {
        Path nowhere = root.resolve("nowhere");
        return new ModelStore(root.resolve("store"), new Catalog(List.of(catalog)),
                NpmConfiguration.load(Map.of(), nowhere, nowhere),
                () -> new HubConfiguration(hub.endpoint(), Optional.ofNullable(token)),
                new HttpFetcher(ProxySelector.of(null)), patience,
                new Retries(Duration.ofMillis(1)), LEAST_RANGED_BYTES);
    }
}
