package dev.millrace.engine;

/** A text whose beginning a model's cache holds, and the blocks that hold it. */
interface CachedText {

    BlockTables blocks();

    /** Tokens so far. */
    int length();

    /** Of these, those whose keys and values the cache holds. */
    int computedTokens();

    /** The most tokens that may be found in the cache: of the others, logits are wanted. */
    int reusableTokens();

    /** Some of the tokens; zeros beyond the last. */
    int[] tokens(int from, int count);

    /** What else must be equal for texts to share their blocks: the adapter. */
    int adapterSlot();

    /** And whoever may know of each other. */
    String cacheSalt();
}
