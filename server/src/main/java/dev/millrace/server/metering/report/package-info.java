/** What the ledger's rows mean: groups, comparisons with hosted models, and how sure they are. */
package dev.millrace.server.metering.report;
