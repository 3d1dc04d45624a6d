package dev.millrace.bench.peer;

import dev.millrace.bench.model.ModelTest;

/**
 * What a peer says that it reached.
 *
 * @param tokensPerSecond of all sequences together
 * @param threads         that the peer used, or {@link #UNKNOWN_THREADS}
 */
record PeerResult(ModelTest test, double tokensPerSecond, int threads) {

    static final int UNKNOWN_THREADS = 0;
}
