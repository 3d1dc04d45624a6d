/** Budgets over HTTP: how they stand, setting them, and what answers say about them. */
package dev.millrace.server.budgets;
