package dev.millrace.server.store;

import java.util.Objects;

/**
 * A file of a tenant.
 *
 * @param name          as the client calls it; nothing on this machine is called that
 * @param sha256        of its bytes, in hexadecimal digits
 * @param createdMillis since 1970
 * @param expiresMillis since 1970; 0 for never
 */
public record StoredFile(String id, String tenant, String name, String purpose, long bytes,
        String sha256, long createdMillis, long expiresMillis) {

    public StoredFile {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(tenant, "tenant");
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(purpose, "purpose");
    }
}
