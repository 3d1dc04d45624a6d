/** Requests as OpenTelemetry traces, for collectors that speak OTLP over HTTP. */
package dev.millrace.server.tracing;
