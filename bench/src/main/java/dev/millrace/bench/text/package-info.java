/** Tokenizers beside others'. */
package dev.millrace.bench.text;
