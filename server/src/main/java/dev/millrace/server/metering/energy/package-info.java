/** Where joules come from beside the counters of the processor: GPUs, and what is declared. */
package dev.millrace.server.metering.energy;
