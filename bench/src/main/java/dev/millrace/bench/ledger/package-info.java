/** How much the ledger takes and how fast it is read. */
package dev.millrace.bench.ledger;
