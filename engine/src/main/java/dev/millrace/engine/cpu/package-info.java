/**
 * The forward pass on the processor: one walker over {@link dev.millrace.models.ModelSpec} for
 * every family, on the kernels of {@link dev.millrace.kernels.cpu}.
 *
 * <p>A step lays all tokens of all rows out as one array of rows and takes it through the layers.
 * Each layer is five parallel regions: projections, attention, attention output, gate and up, down;
 * everything between is too small to be worth a region of its own until a step has many tokens.
 */
package dev.millrace.engine.cpu;
