/**
 * The forward pass on an NVIDIA GPU: one walker over {@link dev.millrace.models.ModelSpec} for
 * every family, on the kernels of {@link dev.millrace.kernels.cuda}.
 *
 * <p>All memory is taken when a model is opened. A step writes its ids and tables to the device in
 * one copy, queues its kernels without waiting for any, and reads back tokens, or the logits of
 * rows whose sampling settings the device does not know.
 */
package dev.millrace.engine.cuda;
