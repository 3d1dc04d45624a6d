package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import dev.millrace.models.NearMisses;
import java.util.Optional;

/** Decides which files of a repository a reference means. */
final class HubSelection {

    private HubSelection() {}

    /**
     * A GGUF file where the repository has any, a checkpoint otherwise.
     *
     * @param reader for the index of a checkpoint's shards
     * @throws ModelException if the choice is not clear or there is nothing to choose; lists what
     *                        there is
     */
    static HubChoice choose(HubModel model, HubListing listing, CheckpointChoice.Reader reader)
            throws InterruptedException {
        GgufChoice ggufs = new GgufChoice(listing);
        if (model.selector().isPresent()) {
            return selected(model.selector().get(), listing, ggufs, reader);
        }
        return ggufs.isEmpty() ? new CheckpointChoice(listing).choose(reader) : ggufs.usual();
    }

    private static HubChoice selected(String selector, HubListing listing, GgufChoice ggufs,
            CheckpointChoice.Reader reader) throws InterruptedException {
        Optional<HubFile> file = listing.find(selector);
        if (file.isPresent()) {
            return ofFile(file.get(), listing, ggufs, reader);
        }
        Optional<HubChoice> found = ggufs.matching(selector);
        if (found.isPresent()) {
            return found.get();
        }
        String there = ggufs.isEmpty()
                ? NearMisses.hint(selector, listing.files().stream().map(HubFile::path).toList())
                        + " (it has " + CheckpointChoice.shown(listing) + ")"
                : ggufs.hint(selector) + " (it has " + ggufs.shown() + ")";
        throw new ModelException(listing.repository() + " has no \"" + selector + "\"" + there);
    }

    private static HubChoice ofFile(HubFile file, HubListing listing, GgufChoice ggufs,
            CheckpointChoice.Reader reader) throws InterruptedException {
        if (file.isGguf()) {
            return ggufs.of(file).orElseThrow(() -> new ModelException(file.path() + " of "
                    + listing.repository() + " accompanies a model and is none; it has "
                    + ggufs.shown()));
        }
        if (file.path().endsWith(".safetensors") || file.path().equals(CheckpointChoice.INDEX)) {
            HubChoice checkpoint = new CheckpointChoice(listing).choose(reader);
            if (checkpoint.files().contains(file)) {
                return checkpoint;
            }
        }
        throw new ModelException(CheckpointChoice.isPickled(file)
                ? file.path() + " of " + listing.repository() + " holds pickled Python objects,"
                        + " which can run any program when they are read, so it is not pulled"
                : file.path() + " of " + listing.repository() + " is not a model by itself; name"
                        + " a GGUF file, or only hf:" + listing.repository());
    }
}
