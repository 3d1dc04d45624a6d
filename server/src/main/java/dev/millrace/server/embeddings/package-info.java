/** Vectors over HTTP: texts embedded and ranked, in OpenAI's and others' words, all metered. */
package dev.millrace.server.embeddings;
