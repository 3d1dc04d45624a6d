package dev.millrace.models.store;

import java.util.Locale;
import java.util.Optional;

/**
 * A file of a repository at one commit.
 *
 * @param path   inside the repository; segments are plain names
 * @param bytes  its size
 * @param digest what its content hashes to: SHA-256 of large files, git's own of small ones
 */
record HubFile(String path, long bytes, Optional<ContentDigest> digest) {

    boolean isGguf() {
        return path.toLowerCase(Locale.ROOT).endsWith(".gguf");
    }

    /** The last segment of the path. */
    String name() {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    /** The path without the last segment; empty for a file at the top. */
    String folder() {
        return path.substring(0, Math.max(0, path.lastIndexOf('/')));
    }
}
