/**
 * What a model's turn consists of (thoughts, text, calls of tools) and how different models spell
 * it: into the prompt by their templates, out of the text by parsers, and enforced by grammars.
 * Knows no HTTP.
 */
package dev.millrace.server.dialogue;
