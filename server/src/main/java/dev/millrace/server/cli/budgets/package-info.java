/** {@code millrace budgets} and what is below it. */
package dev.millrace.server.cli.budgets;
