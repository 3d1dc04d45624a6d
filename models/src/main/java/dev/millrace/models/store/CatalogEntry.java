package dev.millrace.models.store;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A model that this version knows by name.
 *
 * @param sha256  of the whole file, whichever source it comes from; empty where the source's own
 *                hash is pinned at the first pull
 * @param bytes   size of all files; empty where only the source knows
 * @param licence SPDX identifier, or the hub's
 * @param sources references, tried in order
 */
public record CatalogEntry(String name, String description, String licence,
        Optional<String> sha256, OptionalLong bytes, List<String> sources) {

    public CatalogEntry {
        sources = List.copyOf(sources);
    }
}
