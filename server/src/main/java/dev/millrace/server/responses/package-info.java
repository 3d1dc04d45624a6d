/**
 * OpenAI's Responses API, spoken by putting it into the words of chat completions and the answer
 * back, and keeping both for clients that continue.
 */
package dev.millrace.server.responses;
