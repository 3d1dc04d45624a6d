package dev.millrace.models.store;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * What a pull should bring: the sources to try in order and what must come out.
 *
 * @param name    what the store will call it
 * @param sources references, tried in order
 * @param digest  of the whole file, where it is known beforehand
 * @param bytes   of the whole file, or -1 where unknown
 * @param licence SPDX identifier, the hub's, or {@code unknown}
 */
record PullTarget(String name, List<String> sources, Optional<ContentDigest> digest, long bytes,
        String licence) {

    private static final int KEY_DIGITS = 8;

    static PullTarget of(CatalogEntry entry) {
        return new PullTarget(entry.name(), entry.sources(),
                entry.sha256().map(ContentDigest::sha256), entry.bytes().orElse(-1),
                entry.licence());
    }

    /** A reference of the user's own; the name tells the file and, by a key, where it is from. */
    static PullTarget of(String text, ModelReference.NpmFiles reference) {
        ModelReference.NpmFile first = reference.parts().getFirst();
        String file = lastSegment(first.path());
        boolean speaking = file.endsWith(".gguf");
        return new PullTarget(name(speaking ? file : lastSegment(first.packageName()), text),
                List.of(text), Optional.empty(), -1, Licence.UNKNOWN);
    }

    static PullTarget of(String text, ModelReference.WebFile reference) {
        return new PullTarget(name(lastSegment(reference.uri().getPath()), text), List.of(text),
                reference.digest(), -1, Licence.UNKNOWN);
    }

    static PullTarget of(HubModel reference) {
        return new PullTarget(name(reference.stem(), reference.toString()),
                List.of(reference.toString()), Optional.empty(), -1, Licence.UNKNOWN);
    }

    private static String lastSegment(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    private static String name(String file, String reference) {
        String stem = file.replaceFirst("(?i)\\.gguf$", "")
                .replaceAll("[^A-Za-z0-9._-]+", "-")
                .replaceFirst("^[^A-Za-z0-9]+", "");
        return (stem.isEmpty() ? "model" : stem) + "-" + key(reference);
    }

    /** A short stable name for a text, safe in a file name. */
    static String key(String text) {
        byte[] hash = ContentDigest.sha256("").start()
                .digest(text.getBytes(StandardCharsets.UTF_8));
        return HexFormat.of().formatHex(hash).substring(0, KEY_DIGITS);
    }
}
