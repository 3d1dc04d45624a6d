/**
 * What OpenAI's dialect shares with all others: bodies and headers within their limits, fields read
 * by name, errors in their envelope, and clients that go away.
 */
package dev.millrace.server.openai.wire;
