/** What may be spent: budgets, and the gate that sets money aside before a request runs. */
package dev.millrace.server.metering.budget;
