/** The command line: one class per command, and how each says what it did or why it could not. */
package dev.millrace.server.cli;
