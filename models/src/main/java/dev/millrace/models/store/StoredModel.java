package dev.millrace.models.store;

import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A model that the store holds, as the JSON file beside it tells.
 *
 * @param name     what the user calls it
 * @param path     what opens it: a file, the first part of a split one, or a folder
 * @param source   the reference that it was pulled from
 * @param revision the commit that the source was at; empty for sources without any
 * @param files    everything that belongs to it
 * @param licence  as the source names it, or {@code unknown}
 * @param pulled   when
 */
public record StoredModel(String name, Path path, String source, Optional<String> revision,
        List<StoredFile> files, String licence, Instant pulled) {

    public StoredModel {
        files = List.copyOf(files);
    }

    /** The terms that the source told; empty if it told none. */
    public Optional<Licence> terms() {
        return Optional.of(licence).filter(id -> !id.equals(Licence.UNKNOWN)).map(Licence::of);
    }

    /** Of all files together. */
    public long bytes() {
        return files.stream().mapToLong(StoredFile::bytes).sum();
    }
}
