/** HTTP, identity, money, command line. All wiring is by constructor, in one place. */
package dev.millrace.server;
