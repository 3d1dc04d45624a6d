/** Load on a running server over HTTP: requests in, latencies and throughput out. */
package dev.millrace.bench.serve;
