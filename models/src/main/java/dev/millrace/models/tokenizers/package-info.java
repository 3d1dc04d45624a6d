/** Reads the files that describe tokenizers: tokenizer.json and SentencePiece's tokenizer.model. */
package dev.millrace.models.tokenizers;
