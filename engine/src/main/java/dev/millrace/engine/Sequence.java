package dev.millrace.engine;

import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.constrain.ConstraintMatcher;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.SamplingRow;
import dev.millrace.engine.forward.SequenceRow;
import java.util.Arrays;

/**
 * The state of one request: its tokens, how many of them the cache holds, and what has been
 * counted. Belongs to the engine's thread once submitted.
 */
final class Sequence {

    private static final int INITIAL_COMPLETION_TOKENS = 64;

    private final GenerationRequest request;
    private final int tokenLimit;
    private final BlockTables blocks;
    private final SamplingSettings sampling;
    private final Reply reply;
    private final ConstraintMatcher matcher; // null where the text may be anything
    private final long[][] masks; // one, of what may come next; or none
    private long arrival;
    private boolean started;
    private boolean ended;

    private int[] tokens; // prompt, then completion
    private int length;
    private int computedTokens;
    private int everComputedTokens; // the most that computedTokens has been
    private int cachedTokens;
    private int scheduledTokens;

    /**
     * @param tokenLimit most tokens, prompt and completion together
     * @param groups     layer groups of the cache
     * @param reply      what the request's reader sees
     */
    Sequence(GenerationRequest request, int tokenLimit, int groups, Reply reply) {
        this.request = request;
        this.reply = reply;
        this.tokenLimit = tokenLimit;
        this.blocks = new BlockTables(groups);
        this.length = request.prompt().length;
        this.tokens = Arrays.copyOf(request.prompt(),
                Math.min(tokenLimit, length + INITIAL_COMPLETION_TOKENS));
        if (request.constraint() == null) {
            matcher = null;
            masks = SamplingSettings.NO_MASKS;
        } else {
            matcher = request.constraint().start();
            masks = new long[1][matcher.maskWords()];
            matcher.fillMask(masks[0]);
        }
        this.sampling = new SamplingSettings(request.sampling(), masks);
    }

    GenerationRequest request() {
        return request;
    }

    Reply reply() {
        return reply;
    }

    BlockTables blocks() {
        return blocks;
    }

    /** The place in the order of submission. */
    long arrival() {
        return arrival;
    }

    void arrive(long place) {
        arrival = place;
    }

    /** Whether it has ever run. */
    boolean started() {
        return started;
    }

    /** Notes that it runs. @return whether for the first time */
    boolean start() {
        boolean first = !started;
        started = true;
        return first;
    }

    /** Notes that it ends. @return false if it had ended before */
    boolean end() {
        boolean first = !ended;
        ended = true;
        return first;
    }

    /** Tokens so far, prompt and completion. */
    int length() {
        return length;
    }

    /** Tokens whose keys and values the cache holds. */
    int computedTokens() {
        return computedTokens;
    }

    /** Tokens that must be computed before the next one can be sampled. */
    int remainingTokens() {
        return length - computedTokens;
    }

    /** Whether only the last sampled token remains to be computed. */
    boolean decoding() {
        return remainingTokens() == 1 && length > promptTokens();
    }

    int[] tokens(int from, int count) {
        return Arrays.copyOfRange(tokens, from, from + count);
    }

    int promptTokens() {
        return request.prompt().length;
    }

    int completionTokens() {
        return length - promptTokens();
    }

    TokenUsage usage() {
        return new TokenUsage(promptTokens(), cachedTokens, completionTokens());
    }

    /** Starts, or starts again, with {@code reusedTokens} found in the cache. */
    void admit(int reusedTokens) {
        computedTokens = reusedTokens;
        if (reusedTokens > everComputedTokens) {
            cachedTokens += reusedTokens - everComputedTokens;
            everComputedTokens = reusedTokens;
        }
    }

    /** Goes back to the beginning after its blocks were taken away. */
    void preempt() {
        computedTokens = 0;
        scheduledTokens = 0;
    }

    int scheduledTokens() {
        return scheduledTokens;
    }

    void schedule(int count) {
        scheduledTokens = count;
    }

    /** Whether the scheduled tokens are all that remain, so that the step samples the next. */
    boolean samples() {
        return scheduledTokens == remainingTokens();
    }

    /** What the next step is to compute. */
    SequenceRow row() {
        OutputRequest output = OutputRequest.NONE;
        SamplingRow draw = null;
        if (samples()) {
            output = request.topLogprobs() < 0
                    ? OutputRequest.SAMPLE_LAST
                    : new OutputRequest.TopLogprobs(1, request.topLogprobs());
            draw = sampling.row(tokens, length, promptTokens());
        }
        return new SequenceRow(tokens(computedTokens, scheduledTokens), computedTokens,
                blocks.rows(), request.adapterSlot(), output, draw);
    }

    /** What the next step does for this request. */
    StepShare share(long contextTokens) {
        int end = computedTokens + scheduledTokens;
        int again = Math.clamp(everComputedTokens - computedTokens, 0, scheduledTokens);
        int prompt = Math.clamp(promptTokens() - computedTokens - again, 0,
                scheduledTokens - again);
        return new StepShare(request.id(), prompt, again, end - computedTokens - again - prompt,
                contextTokens);
    }

    /** Notes that the scheduled tokens are in the cache. */
    void advance() {
        computedTokens += scheduledTokens;
        everComputedTokens = Math.max(everComputedTokens, computedTokens);
        scheduledTokens = 0;
    }

    void append(int token) {
        if (length == tokens.length) {
            tokens = Arrays.copyOf(tokens, (int) Math.min(tokenLimit, 2L * length));
        }
        tokens[length++] = token;
    }

    /**
     * Moves the constraint past the last token, which must be one that it allowed. This does not
     * depend on the cache, so a sequence that is thrown out and comes back need not do it again.
     *
     * @return whether the text is complete, so that nothing can follow
     * @throws dev.millrace.engine.constrain.ConstraintException if the text cannot go on
     */
    boolean completes() {
        if (matcher == null) {
            return false;
        }
        matcher.accept(tokens[length - 1]);
        if (matcher.isComplete()) {
            return true;
        }
        matcher.fillMask(masks[0]);
        return false;
    }

    /** Whether no further token may be sampled. */
    boolean full() {
        return length >= tokenLimit;
    }
}
