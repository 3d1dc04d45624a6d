package dev.millrace.models.store;

import java.util.List;

/**
 * A model that this version knows by name.
 *
 * @param sha256  of the whole file, whichever source it comes from
 * @param bytes   size of the whole file
 * @param licence SPDX identifier
 * @param sources references, tried in order
 */
public record CatalogEntry(String name, String description, String licence, String sha256,
        long bytes, List<String> sources) {

    public CatalogEntry {
        sources = List.copyOf(sources);
    }
}
