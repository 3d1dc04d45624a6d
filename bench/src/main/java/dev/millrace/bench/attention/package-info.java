/** What attention over a cache costs. */
package dev.millrace.bench.attention;
