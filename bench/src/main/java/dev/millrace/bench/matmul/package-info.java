/** The matrix products measured by themselves, beside the limits of the machine. */
package dev.millrace.bench.matmul;
