/** Texts in, vectors out: many requests' texts in shared steps of one encoder. */
package dev.millrace.engine.embedding;
