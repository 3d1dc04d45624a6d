package dev.millrace.engine;

/**
 * A snapshot for metrics.
 *
 * @param running      sequences in the batch
 * @param waiting      sequences in the queue
 * @param usedBlocks   cache blocks that hold live positions
 * @param totalBlocks  cache blocks that exist
 * @param steps        steps since start
 * @param preemptions  sequences thrown out for lack of blocks since start
 * @param poisoned     requests that the model gave something else than numbers since start
 * @param draining     whether new requests are refused
 */
public record EngineStatus(int running, int waiting, int usedBlocks, int totalBlocks, long steps,
        long preemptions, long poisoned, boolean draining) {

    /** Of both engines together, which drain if both do. */
    public EngineStatus plus(EngineStatus other) {
        return new EngineStatus(running + other.running, waiting + other.waiting,
                usedBlocks + other.usedBlocks, totalBlocks + other.totalBlocks,
                steps + other.steps, preemptions + other.preemptions, poisoned + other.poisoned,
                draining && other.draining);
    }
}
