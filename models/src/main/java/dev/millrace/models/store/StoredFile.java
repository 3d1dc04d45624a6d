package dev.millrace.models.store;

/**
 * One file of a stored model.
 *
 * @param name   relative to the model's folder, or of the only file itself; separated by slashes
 * @param sha256 in hexadecimal digits
 */
public record StoredFile(String name, String sha256, long bytes) {}
