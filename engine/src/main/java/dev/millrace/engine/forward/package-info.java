/**
 * The step: the seam between the engine, which decides what runs, and a backend, which runs it.
 *
 * <p>A model crosses this seam once, as data ({@link dev.millrace.models.ModelSpec} and
 * {@link dev.millrace.models.Weights}); after that only token ids, block ids and sampling settings
 * go down and sampled tokens come up. There is no prefill phase: each row says how many of its
 * tokens are in the cache already and which ones to compute now.
 */
package dev.millrace.engine.forward;
