/** What the server itself takes: HTTP, text, streams and the meter, over a model that is none. */
package dev.millrace.bench.overhead;
