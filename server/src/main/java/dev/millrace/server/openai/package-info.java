/**
 * The OpenAI dialect: reads and validates its requests, runs them as generations, and answers in
 * its words, down to the error envelope and the framing of its event streams. The packages below
 * need each other in one direction: {@code wire}, {@code model}, {@code completion},
 * {@code request}, and the routes here.
 *
 * <p>Source: OpenAI's own OpenAPI description, version 2.3.0; fields that only vLLM has
 * ({@code top_k}, {@code min_p}, {@code repetition_penalty}, {@code ignore_eos},
 * {@code stop_token_ids}, {@code cache_salt}) follow vLLM. What cannot be honoured is refused by
 * name; fields that ask for nothing, such as {@code metadata} or {@code store}, are ignored.
 */
package dev.millrace.server.openai;
