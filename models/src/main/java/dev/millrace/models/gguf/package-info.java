/**
 * Reads GGUF files, versions 2 and 3, trusting nothing in them, and writes them, version 3
 * (<a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">the format</a>).
 */
package dev.millrace.models.gguf;
