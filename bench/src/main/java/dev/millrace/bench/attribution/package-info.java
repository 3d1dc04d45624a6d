/** How fairly steps are shared: measured against exact Shapley values. */
package dev.millrace.bench.attribution;
