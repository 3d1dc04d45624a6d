package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;

/**
 * How often what failed is tried again, and how long to wait before: twice as long each time, or as
 * long as the server asks.
 *
 * @param firstPause after the first failure
 */
record Retries(Duration firstPause) {

    /** Tries in a row that may bring nothing. */
    static final int MAX_FRUITLESS_TRIES = 4;

    /** A server that asks for more than this is left alone. */
    static final Duration MAX_REQUESTED_PAUSE = Duration.ofMinutes(5);

    /** Something that may fail for a while. */
    interface Attempt<T> {
        T run() throws IOException, InterruptedException;
    }

    /**
     * Waits before the next try.
     *
     * @param fruitless tries in a row that brought nothing, this one included
     * @throws ModelException if there is no point in another one
     */
    void pauseAfter(int fruitless, URI uri, IOException failure) throws InterruptedException {
        if (fruitless > MAX_FRUITLESS_TRIES || HttpFetcher.isNobodyThere(failure)) {
            throw HttpFetcher.unreachable(uri, failure);
        }
        Duration requested = failure instanceof BusyException busy ? busy.pause() : Duration.ZERO;
        if (requested.compareTo(MAX_REQUESTED_PAUSE) > 0) {
            throw new ModelException(uri.getHost() + " asks to come back in "
                    + requested.toMinutes() + " minutes (" + failure.getMessage()
                    + "); run the same command again then, what has arrived is kept", failure);
        }
        Duration usual = firstPause.multipliedBy(1L << (fruitless - 1));
        Thread.sleep(requested.compareTo(usual) > 0 ? requested : usual);
    }

    /** Runs what either brings everything or nothing. */
    <T> T run(URI uri, Attempt<T> attempt) throws InterruptedException {
        for (int fruitless = 1;; fruitless++) {
            try {
                return attempt.run();
            } catch (IOException e) {
                pauseAfter(fruitless, uri, e);
            }
        }
    }
}
