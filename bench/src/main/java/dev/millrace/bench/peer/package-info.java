/** Another engine's benchmark, run in turns with ours and understood. */
package dev.millrace.bench.peer;
