/** What drawing a token from logits costs. */
package dev.millrace.bench.sampling;
