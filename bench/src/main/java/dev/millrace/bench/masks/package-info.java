/** What it costs to hold a completion to a constraint. */
package dev.millrace.bench.masks;
