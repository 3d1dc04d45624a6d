/**
 * Turns floats into the formats of {@link dev.millrace.kernels.QuantFormat}: for every group the
 * scale, and where there is one the minimum, that make the weighted squares of the errors least.
 */
package dev.millrace.kernels.quantize;
