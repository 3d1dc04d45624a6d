package dev.millrace.server.tenants;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A key as its owner has it: {@code sk-mill-}, eight characters that may be shown, and forty that
 * may not. Those are more than 200 random bits, so that a plain SHA-256 keeps them: there is
 * nothing to guess that a slow hash would protect.
 */
final class KeyText {

    private static final String PREFIX = "sk-mill-";
    private static final int ID_CHARS = 8;
    private static final int SECRET_CHARS = 40;
    private static final String ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
            + "23456789";
    private static final Pattern SHAPE = Pattern.compile(PREFIX + "([A-Za-z0-9]{" + ID_CHARS
            + "})-[A-Za-z0-9]{" + SECRET_CHARS + "}");

    private final String text;
    private final String id;

    private KeyText(String text, String id) {
        this.text = text;
        this.id = id;
    }

    /** A new key. */
    static KeyText random(SecureRandom random) {
        String id = characters(random, ID_CHARS);
        return new KeyText(PREFIX + id + "-" + characters(random, SECRET_CHARS), id);
    }

    private static String characters(SecureRandom random, int count) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < count; i++) {
            text.append(ALPHABET.charAt(random.nextInt(ALPHABET.length())));
        }
        return text.toString();
    }

    /** What a client sent, if it has the shape of a key. */
    static Optional<KeyText> parse(String sent) {
        Matcher matcher = SHAPE.matcher(sent);
        return matcher.matches()
                ? Optional.of(new KeyText(sent, matcher.group(1)))
                : Optional.empty();
    }

    String id() {
        return id;
    }

    /** All of it; shown once, to whom it was made for. */
    String whole() {
        return text;
    }

    byte[] sha256() {
        try {
            return MessageDigest.getInstance("SHA-256")
                    .digest(text.getBytes(StandardCharsets.US_ASCII));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
    }

    /** Whether this is the key with that digest; takes as long whatever the answer is. */
    boolean matches(byte[] sha256) {
        return MessageDigest.isEqual(sha256(), sha256);
    }

    /** Says the id only, so that no message or log can hold a key. */
    @Override
    public String toString() {
        return PREFIX + id + "-...";
    }
}
