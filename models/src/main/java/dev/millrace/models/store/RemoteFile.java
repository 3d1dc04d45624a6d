package dev.millrace.models.store;

import java.net.URI;
import java.util.Optional;

/**
 * Something to download.
 *
 * @param uri           where it is
 * @param authorization header to send there, and nowhere else
 * @param bytes         its size, or -1 where that is not known
 * @param digest        what it must hash to, where that is known
 * @param label         what to call it in messages
 * @param refusals      what the server's own ways of saying no mean
 */
record RemoteFile(URI uri, Optional<String> authorization, long bytes,
        Optional<ContentDigest> digest, String label, Refusals refusals) {

    /** An answer of unknown size and content. */
    static RemoteFile answer(URI uri, Optional<String> authorization, String label,
            Refusals refusals) {
        return new RemoteFile(uri, authorization, -1, Optional.empty(), label, refusals);
    }

    /** The same file with a size that is known now. */
    RemoteFile ofSize(long newBytes) {
        return new RemoteFile(uri, authorization, newBytes, digest, label, refusals);
    }

    /** The same file under another name. */
    RemoteFile called(String newLabel) {
        return new RemoteFile(uri, authorization, bytes, digest, newLabel, refusals);
    }
}
