/** By what the time of a step is shared among its sequences, and how that is learnt. */
package dev.millrace.server.metering.attribution;
