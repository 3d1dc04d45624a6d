package dev.millrace.server.store;

/**
 * How much files may take.
 *
 * @param fileBytes   of one
 * @param tenantBytes of all of a tenant's; results of batches count and are never refused, as
 *                    nobody could compute them again for nothing
 */
public record FileLimits(long fileBytes, long tenantBytes) {

    public FileLimits {
        if (fileBytes < 1 || tenantBytes < fileBytes) {
            throw new IllegalArgumentException("a file may have at least 1 byte and a tenant as"
                    + " many as a file, got " + fileBytes + " and " + tenantBytes);
        }
    }
}
