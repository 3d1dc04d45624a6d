package dev.millrace.models.store;

import java.nio.file.Path;
import java.time.Instant;

/**
 * A model that the store holds, as the JSON file beside it tells.
 *
 * @param name    what the user calls it
 * @param path    the file
 * @param source  the reference that it was pulled from
 * @param sha256  of the whole file, in hexadecimal digits
 * @param bytes   size of the file
 * @param licence SPDX identifier, or {@code unknown}
 * @param pulled  when
 */
public record StoredModel(String name, Path path, String source, String sha256, long bytes,
        String licence, Instant pulled) {}
