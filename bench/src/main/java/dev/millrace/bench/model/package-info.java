/** Whole models measured: prompts, decoding at a depth, batches; alone or in turns with a peer. */
package dev.millrace.bench.model;
