/** {@code millrace keys} and what is below it. */
package dev.millrace.server.cli.keys;
