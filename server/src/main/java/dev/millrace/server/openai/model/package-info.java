/** The models that are served, who may use them, and what is prepared once for each. */
package dev.millrace.server.openai.model;
