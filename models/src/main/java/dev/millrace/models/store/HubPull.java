package dev.millrace.models.store;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Brings a model from the hub: pins the commit, chooses the files, says what will come. */
final class HubPull {

    private final HubRepository repository;
    private final Downloader downloader;
    private final Path downloads;

    HubPull(HubRepository repository, Downloader downloader, Path downloads) {
        this.repository = repository;
        this.downloader = downloader;
        this.downloads = downloads;
    }

    Delivery deliver(HubModel model, PullTarget target, PullListener listener)
            throws IOException, InterruptedException {
        HubListing listing = repository.list(model);
        HubChoice choice = HubSelection.choose(model, listing,
                file -> repository.content(model, listing, file));
        String licence = target.licence().equals(Licence.UNKNOWN)
                ? listing.licence()
                : target.licence();
        listener.plan(plan(model, target, listing, choice, licence));
        List<Delivery.Part> parts = new ArrayList<>();
        long have = 0;
        for (HubFile file : choice.files()) {
            Path path = downloads.resolve(downloadName(listing, file));
            parts.add(new Delivery.Part(choice.folder() ? file.path() : file.name(), path,
                    sha256(file)));
            have += Downloader.present(path);
        }
        Downloader.requireSpace(downloads.resolve(target.name()), choice.bytes() - have);
        OverallProgress overall = new OverallProgress(target.name(), choice.bytes(), have,
                listener);
        for (int i = 0; i < parts.size(); i++) {
            HubFile file = choice.files().get(i);
            RemoteFile remote = repository.file(model, listing, file);
            downloader.download(remote, parts.get(i).file(), overall);
            overall.finished(file.bytes());
        }
        return new Delivery(parts, choice.folder(), Optional.of(listing.commit()), licence,
                List.of());
    }

    /** By content, so that what arrived serves a later commit that did not change the file. */
    private static String downloadName(HubListing listing, HubFile file) {
        String place = listing.repository() + "/" + file.path();
        return "hub-" + PullTarget.key(place) + "-" + file.digest().map(ContentDigest::hex)
                .orElse(listing.commit());
    }

    private static PullPlan plan(HubModel model, PullTarget target, HubListing listing,
            HubChoice choice, String licence) {
        return new PullPlan(target.name(), model.toString(), Optional.of(listing.commit()),
                choice.files().stream().map(file -> new PullPlan.Item(file.path(), file.bytes(),
                        sha256(file))).toList(),
                Licence.of(licence));
    }

    private static Optional<String> sha256(HubFile file) {
        return file.digest().filter(digest -> digest.algorithm().equals(ContentDigest.SHA_256))
                .map(ContentDigest::hex);
    }
}
