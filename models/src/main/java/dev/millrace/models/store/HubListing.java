package dev.millrace.models.store;

import java.util.List;
import java.util.Optional;

/**
 * A repository at one commit.
 *
 * @param repository {@code owner/name}
 * @param commit     its hash, 40 hexadecimal digits
 * @param licence    as its model card names it, or {@code unknown}
 * @param files      those whose paths are safe to use
 */
record HubListing(String repository, String commit, String licence, List<HubFile> files) {

    HubListing {
        files = List.copyOf(files);
    }

    Optional<HubFile> find(String path) {
        return files.stream().filter(file -> file.path().equals(path)).findFirst();
    }
}
