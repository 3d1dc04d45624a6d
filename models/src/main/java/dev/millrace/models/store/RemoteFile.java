package dev.millrace.models.store;

import java.net.URI;
import java.util.Optional;

/**
 * Something to download.
 *
 * @param uri           where it is
 * @param authorization header to send there, and nowhere else
 * @param digest        what it must hash to, where that is known
 * @param label         what to call it in messages
 */
record RemoteFile(URI uri, Optional<String> authorization, Optional<ContentDigest> digest,
        String label) {

    /** The same file under another name. */
    RemoteFile called(String newLabel) {
        return new RemoteFile(uri, authorization, digest, newLabel);
    }
}
