/**
 * What clients leave with the server, in the ledger's database: one thread writes, one reads, and
 * whatever a tenant stores nobody else sees.
 */
package dev.millrace.server.store;
