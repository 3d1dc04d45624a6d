/**
 * Arithmetic on memory: quantised formats and the threads that work on them. Nothing here has ever
 * heard of a token.
 */
package dev.millrace.kernels;
