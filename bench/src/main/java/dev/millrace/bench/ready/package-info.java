/** How long servers take from the start of their process to their first answer. */
package dev.millrace.bench.ready;
