/**
 * A validated request as generations of the engine: run, metered, put into the words of chats or
 * completions, whole or as events. Knows nothing of how requests are read.
 */
package dev.millrace.server.openai.completion;
