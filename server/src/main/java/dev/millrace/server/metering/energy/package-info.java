/** Where the meter's joules come from on a machine with GPUs. */
package dev.millrace.server.metering.energy;
