/** Reads chats and completions field by field, into jobs; what cannot be honoured is refused. */
package dev.millrace.server.openai.request;
