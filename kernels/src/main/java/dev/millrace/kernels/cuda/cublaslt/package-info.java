/**
 * NVIDIA's library of matrix products, as far as products of halves with many tokens need it. Found
 * at run time, and only where it is asked for.
 */
package dev.millrace.kernels.cuda.cublaslt;
