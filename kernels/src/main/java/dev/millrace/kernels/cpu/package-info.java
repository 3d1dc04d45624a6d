/** What the processor does for a forward pass: a scalar reference and its Vector API twin. */
package dev.millrace.kernels.cpu;
