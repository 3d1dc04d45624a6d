/** Models with random weights, of any shape and type. */
package dev.millrace.bench.synth;
