/**
 * Batches: files of requests that run when nothing else wants the device, and files of their
 * results. A batch goes on where it was when the server starts again.
 */
package dev.millrace.server.batches;
