/** Proof: benchmarks of kernels and models, and the rules of the house as tests. */
package dev.millrace.bench;
