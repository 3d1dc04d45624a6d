/** What dialects other than OpenAI's have in common: answers piece by piece, from its chunks. */
package dev.millrace.server.dialects;
