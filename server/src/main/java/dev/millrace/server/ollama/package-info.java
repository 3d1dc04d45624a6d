/** Ollama's API, spoken by putting it into OpenAI's words and the answer back. */
package dev.millrace.server.ollama;
