/**
 * Chat templates: an interpreter for the Jinja that published models are written in.
 *
 * <p>{@link dev.millrace.models.template.Lexer} and the parsers make a tree of {@link
 * dev.millrace.models.template.Statement}s and {@link dev.millrace.models.template.Expression}s,
 * which evaluate themselves with Python's semantics. Every string is a {@link
 * dev.millrace.models.template.Text} that knows which of its characters are trusted, and every step
 * is paid for in {@link dev.millrace.models.template.Rendering}.
 */
package dev.millrace.models.template;
