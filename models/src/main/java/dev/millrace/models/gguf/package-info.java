/**
 * Reads GGUF files, versions 2 and 3, and trusts nothing in them
 * (<a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">the format</a>).
 */
package dev.millrace.models.gguf;
