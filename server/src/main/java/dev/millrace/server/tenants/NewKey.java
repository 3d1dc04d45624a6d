package dev.millrace.server.tenants;

/**
 * A key that has just been made.
 *
 * @param key    what is known of it from now on
 * @param secret the key itself, which nobody can read again
 */
public record NewKey(ApiKey key, String secret) {

    @Override
    public String toString() {
        return "NewKey[" + key + "]";
    }
}
