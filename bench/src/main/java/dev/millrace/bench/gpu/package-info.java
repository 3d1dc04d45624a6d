/** Models on a GPU: held to the processor first, then measured against the device's own limits. */
package dev.millrace.bench.gpu;
