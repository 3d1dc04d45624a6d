package dev.millrace.engine;

import java.util.Optional;

/**
 * One of the engines side by side that serve a model.
 *
 * @param status   what is going on there
 * @param requests that it was given since it started
 * @param failure  why it has stopped for good, in a sentence; empty while it serves
 */
public record ReplicaStatus(EngineStatus status, long requests, Optional<String> failure) {}
