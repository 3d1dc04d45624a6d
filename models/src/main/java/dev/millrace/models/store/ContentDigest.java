package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The hash that a file must have.
 *
 * @param algorithm Java's name of it, such as {@code SHA-256}
 * @param hex       the expected value, in lower-case hexadecimal digits
 */
record ContentDigest(String algorithm, String hex) {

    static final String SHA_256 = "SHA-256";

    /** SHA-1 over {@code blob SIZE\0} and the content: how git names a file. */
    private static final String GIT_BLOB = "git blob SHA-1";

    private static final int BUFFER_BYTES = 1 << 20;

    /** Strongest first, by the names that W3C Subresource Integrity gives them. */
    private static final List<Map.Entry<String, String>> INTEGRITY_ALGORITHMS = List.of(
            Map.entry("sha512", "SHA-512"), Map.entry("sha384", "SHA-384"),
            Map.entry("sha256", "SHA-256"), Map.entry("sha1", "SHA-1"));

    static ContentDigest sha256(String hex) {
        return new ContentDigest(SHA_256, hex);
    }

    /** The hash by which git knows a file. */
    static ContentDigest gitBlob(String hex) {
        return new ContentDigest(GIT_BLOB, hex);
    }

    /** Reads {@code sha256=...} from the fragment of an address. */
    static ContentDigest parseFragment(String fragment) {
        if (!fragment.matches("sha256=[0-9a-fA-F]{64}")) {
            throw new ModelException("the part after # must be sha256= and 64 hexadecimal digits,"
                    + " got \"" + fragment + "\"");
        }
        return sha256(fragment.substring("sha256=".length()).toLowerCase(Locale.ROOT));
    }

    /** The strongest hash of an npm {@code integrity} field; empty if none is understood. */
    static Optional<ContentDigest> parseIntegrity(String integrity) {
        for (Map.Entry<String, String> algorithm : INTEGRITY_ALGORITHMS) {
            for (String option : integrity.strip().split("\\s+")) {
                if (option.startsWith(algorithm.getKey() + "-")) {
                    String base64 = option.substring(algorithm.getKey().length() + 1)
                            .replaceFirst("\\?.*", "");
                    byte[] value = Base64.getDecoder().decode(base64);
                    return Optional.of(new ContentDigest(algorithm.getValue(),
                            HexFormat.of().formatHex(value)));
                }
            }
        }
        return Optional.empty();
    }

    /** A fresh computation of this kind of hash. */
    MessageDigest start() {
        try {
            return MessageDigest.getInstance(algorithm.equals(GIT_BLOB) ? "SHA-1" : algorithm);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has " + algorithm, e);
        }
    }

    /** The hash that the file really has, in hexadecimal digits. */
    String compute(Path file) throws IOException {
        MessageDigest digest = start();
        if (algorithm.equals(GIT_BLOB)) {
            digest.update(("blob " + Files.size(file) + "\0").getBytes(StandardCharsets.UTF_8));
        }
        byte[] buffer = new byte[BUFFER_BYTES];
        try (InputStream in = Files.newInputStream(file)) {
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                digest.update(buffer, 0, count);
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }
}
