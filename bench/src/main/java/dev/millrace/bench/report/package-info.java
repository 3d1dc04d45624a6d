/** What measurements become: medians, lines of JSON, tables and pages. */
package dev.millrace.bench.report;
