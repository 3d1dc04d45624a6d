/** A forward pass on another library, to hold ours against. */
package dev.millrace.bench.oracle;
