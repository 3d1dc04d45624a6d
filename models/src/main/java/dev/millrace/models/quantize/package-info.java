/** Rewrites model files with weights of fewer bits. */
package dev.millrace.models.quantize;
