package dev.millrace.server.openai.completion;

import dev.millrace.engine.GenerationEvent;

/** An event of one of a request's generations. */
record ChoiceEvent(int choice, GenerationEvent event) {}
