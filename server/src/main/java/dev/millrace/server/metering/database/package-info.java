/** Where a ledger is kept, SQLite or PostgreSQL, and everything in which the two differ. */
package dev.millrace.server.metering.database;
