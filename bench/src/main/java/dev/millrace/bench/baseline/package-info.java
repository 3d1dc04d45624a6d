/** Other libraries' float32 products, for comparison. Nothing outside of this package uses them. */
package dev.millrace.bench.baseline;
