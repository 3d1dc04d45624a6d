/**
 * What requests cost: shares every step's time, turns it into money, and keeps it in a ledger that
 * balances against the machine's bill. Knows the engine's observer and no HTTP; docs/cost.md has
 * the formulas.
 */
package dev.millrace.server.metering;
