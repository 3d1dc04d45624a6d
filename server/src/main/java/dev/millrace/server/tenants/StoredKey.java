package dev.millrace.server.tenants;

/** A key as the database has it: what is known of it, and what proves it. */
record StoredKey(ApiKey key, byte[] sha256) {}
