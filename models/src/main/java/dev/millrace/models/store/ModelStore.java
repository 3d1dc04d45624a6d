package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import dev.millrace.models.NearMisses;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * The models on this machine, by name, and the way to get more of them. Safe to use from several
 * processes at once.
 */
public final class ModelStore implements AutoCloseable {

    private static final Duration STALL_PATIENCE = Duration.ofSeconds(60);
    /** Files from here on come over several connections. */
    private static final long LEAST_RANGED_BYTES = 64_000_000;
    private static final Duration FIRST_RETRY_PAUSE = Duration.ofSeconds(1);

    private final Path root;
    private final Catalog catalog;
    private final ModelFolder folder;
    private final HttpFetcher fetcher;
    private final ModelPull pull;

    ModelStore(Path root, Catalog catalog, NpmConfiguration npm,
            Supplier<HubConfiguration> hub,
            HttpFetcher fetcher, Duration stallPatience, Retries retries, long leastRanged) {
        this.root = root;
        this.catalog = catalog;
        this.fetcher = fetcher;
        this.folder = new ModelFolder(root.resolve("models"));
        this.pull = new ModelPull(new NpmRegistry(npm, fetcher),
                () -> new HubRepository(hub.get(), fetcher, retries),
                new Downloader(fetcher, stallPatience, retries, leastRanged), folder,
                root.resolve("downloads"));
    }

    /**
     * Opens the user's store: {@code MILLRACE_HOME}, or {@code ~/.cache/millrace}. Makes no folder
     * until the first pull.
     *
     * @param environment variables, as of {@link System#getenv()}
     */
    public static ModelStore open(Map<String, String> environment) {
        Path home = Path.of(System.getProperty("user.home"));
        NpmConfiguration npm = NpmConfiguration.load(environment, home, Path.of(""));
        return new ModelStore(root(environment), Catalog.bundled(), npm,
                () -> HubConfiguration.load(environment, home),
                new HttpFetcher(new EnvironmentProxies(environment)), STALL_PATIENCE,
                new Retries(FIRST_RETRY_PAUSE), LEAST_RANGED_BYTES);
    }

    /** Where the user's store is, and whatever else Millrace keeps. */
    public static Path root(Map<String, String> environment) {
        String home = environment.getOrDefault("MILLRACE_HOME", "");
        return home.isBlank()
                ? Path.of(System.getProperty("user.home"), ".cache", "millrace")
                : Path.of(home);
    }

    public Path root() {
        return root;
    }

    public Catalog catalog() {
        return catalog;
    }

    /** What is stored, by name. */
    public List<StoredModel> list() {
        return folder.list();
    }

    /**
     * The file or model directory that a reference means, pulled now if the store does not have
     * it yet.
     *
     * @throws ModelException if there is no such model, or it cannot be had; nothing but a
     *                        resumable download is left behind
     */
    public Path resolve(String reference, PullListener listener) throws InterruptedException {
        if (!(ModelReference.parse(reference) instanceof ModelReference.LocalFile local)) {
            return pull(reference, listener).path();
        }
        if (Files.isDirectory(local.path())
                && !Files.exists(local.path().resolve(ModelReference.DIRECTORY_FILE))) {
            throw new ModelException(local.path() + " is a folder without a "
                    + ModelReference.DIRECTORY_FILE + "; name the .gguf file in it");
        }
        if (!Files.exists(local.path())) {
            throw new ModelException("there is no file " + local.path()
                    + "; a model may also be a name from the catalog (" + catalogNames() + ")");
        }
        return local.path();
    }

    /** Brings a model into the store, or returns it if it is there already. */
    public StoredModel pull(String reference, PullListener listener) throws InterruptedException {
        ModelReference parsed = ModelReference.parse(reference);
        Optional<StoredModel> stored = parsed instanceof ModelReference.Named named
                ? folder.find(named.name())
                : Optional.empty();
        return stored.isPresent() ? stored.get() : pull(target(reference, parsed), listener);
    }

    private PullTarget target(String reference, ModelReference parsed) {
        return switch (parsed) {
            case ModelReference.NpmFiles npm -> PullTarget.of(reference, npm);
            case ModelReference.WebFile web -> PullTarget.of(reference, web);
            case HubModel model -> PullTarget.of(model);
            case ModelReference.Named named -> PullTarget.of(catalog.find(named.name())
                    .orElseThrow(() -> unknown(named.name())));
            case ModelReference.LocalFile local -> throw new ModelException(local.path()
                    + " is a path; only names, hf:, npm: and https: references can be pulled");
        };
    }

    private StoredModel pull(PullTarget target, PullListener listener)
            throws InterruptedException {
        try {
            Optional<StoredModel> present = folder.find(target.name());
            if (present.isPresent()) {
                return present.get();
            }
            Path lock = root.resolve("locks").resolve(target.name() + ".lock");
            try (StoreLock _ = StoreLock.acquire(lock, target.name(), listener)) {
                Optional<StoredModel> pulledMeanwhile = folder.find(target.name());
                return pulledMeanwhile.isPresent()
                        ? pulledMeanwhile.get()
                        : pull.run(target, listener);
            }
        } catch (IOException e) {
            throw new ModelException("cannot pull " + target.name() + " into " + root + ": "
                    + FileProblems.describe(e), e);
        }
    }

    /** A stored model by its name, or by the reference that it was pulled from. */
    public Optional<StoredModel> find(String reference) {
        Optional<StoredModel> named = folder.find(reference);
        return named.isPresent()
                ? named
                : switch (ModelReference.parse(reference)) {
                    case ModelReference.LocalFile local -> Optional.empty();
                    case ModelReference.Named name -> Optional.empty();
                    case ModelReference remote -> folder.find(target(reference, remote).name());
                };
    }

    /** Deletes a stored model, by its name or the reference that it was pulled from. */
    public StoredModel remove(String name) {
        StoredModel model = find(name).orElseThrow(() -> new ModelException(
                "no model \"" + name + "\" is stored" + NearMisses.hint(name, storedNames())
                        + (storedNames().isEmpty()
                                ? ""
                                : " (stored: " + String.join(", ", storedNames()) + ")")));
        folder.remove(model);
        return model;
    }

    private ModelException unknown(String name) {
        List<String> known = new ArrayList<>(catalog.names());
        storedNames().stream().filter(stored -> !known.contains(stored)).forEach(known::add);
        return new ModelException("unknown model \"" + name + "\"" + NearMisses.hint(name, known)
                + " (known: " + String.join(", ", known)
                + "; or give a path, hf:owner/repo, https://..."
                + " or npm:package@version/path)");
    }

    private List<String> storedNames() {
        return list().stream().map(StoredModel::name).toList();
    }

    private String catalogNames() {
        return catalog.entries().stream().map(CatalogEntry::name).collect(Collectors.joining(", "));
    }

    @Override
    public void close() {
        fetcher.close();
    }
}
