package dev.millrace.models.store;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What a source delivered: verified as far as the source tells hashes, not yet in the store.
 *
 * @param parts    the files, in order
 * @param folder   whether the parts are kept under their own names even if it is one
 * @param revision the commit that the source was at
 * @param licence  as the source names it
 * @param used     downloads that are of no use once the model is in the store
 */
record Delivery(List<Part> parts, boolean folder, Optional<String> revision, String licence,
        List<Path> used) {

    /**
     * One file.
     *
     * @param name   relative to the model's folder, separated by slashes
     * @param file   where it lies now
     * @param sha256 of its content, where that was verified already
     */
    record Part(String name, Path file, Optional<String> sha256) {}

    Delivery {
        parts = List.copyOf(parts);
        used = List.copyOf(used);
    }

    /** One file; what it claims to be follows from the last segment of where it is from. */
    static Delivery of(Path file, String origin, String licence, List<Path> used) {
        String name = origin.substring(origin.lastIndexOf('/') + 1);
        return new Delivery(List.of(new Part(name, file, Optional.empty())), false,
                Optional.empty(), licence, used);
    }
}
