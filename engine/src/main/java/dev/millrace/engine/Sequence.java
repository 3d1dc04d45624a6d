package dev.millrace.engine;

import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.constrain.CompletionMatcher;
import dev.millrace.engine.constrain.ConstraintException;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.SamplingRow;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepResult.RowResult;
import java.util.Arrays;

/**
 * The state of one request: its tokens, how many of them the cache holds, and what has been
 * counted. Belongs to the engine's thread once submitted.
 */
final class Sequence {

    private static final int INITIAL_COMPLETION_TOKENS = 64;
    private static final int[] NO_DRAFTS = {};

    private final GenerationRequest request;
    private final int tokenLimit;
    private final BlockTables blocks;
    private final SamplingSettings sampling;
    private final Reply reply;
    private final CompletionMatcher matcher; // null where the text may be anything
    private final long[][] masks; // one, of what may come next; or none
    private final long turnNanos;
    private final PromptLogprobs promptLogprobs; // null where nobody asks
    private long arrival;
    private boolean started;
    private boolean ended;

    private int[] tokens; // prompt, then completion
    private int length;
    private int computedTokens;
    private int everComputedTokens; // the most that computedTokens has been
    private int cachedTokens;
    private int scheduledTokens;
    private int[] drafts = NO_DRAFTS; // guesses that the scheduled tokens end with
    private long[][] draftMasks = SamplingSettings.NO_MASKS; // after the last token and each guess
    private final DraftLength draftLength;
    private int acceptedDrafts;
    private int computedDrafts; // and what had to be computed again because of them

    /**
     * @param tokenLimit  most tokens, prompt and completion together
     * @param groups      layer groups of the cache
     * @param speculation how far to guess ahead
     * @param reply       what the request's reader sees
     */
    Sequence(GenerationRequest request, int tokenLimit, int groups, Speculation speculation,
            Reply reply) {
        this.request = request;
        this.draftLength = new DraftLength(speculation);
        this.reply = reply;
        this.tokenLimit = tokenLimit;
        this.turnNanos = reply.submittedNanos() + request.terms().delayNanos();
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
        this.promptLogprobs = request.reply().wantsPrompt()
                ? new PromptLogprobs(request.prompt().length)
                : null;
        this.sampling = new SamplingSettings(request, reply.vocabulary(), masks);
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

    /** When it would have been submitted if all requests were equally urgent. */
    long turnNanos() {
        return turnNanos;
    }

    /** When it must end; only of a request with a limit. */
    long deadlineNanos() {
        return reply.submittedNanos() + request.terms().timeLimit().toNanos();
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

    boolean ended() {
        return ended;
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

    /** Tokens that the next steps may compute before something else must happen. */
    int computableTokens() {
        // The prompt's last token is computed by itself, for its successor is sampled.
        return asksPrompt() ? promptTokens() - 1 - computedTokens : remainingTokens();
    }

    /** The most tokens that may be found in the cache: of the others, logits are wanted. */
    int reusableTokens() {
        return asksPrompt() ? promptLogprobs.known() - 1 : length - 1;
    }

    private boolean asksPrompt() {
        return promptLogprobs != null && !promptLogprobs.complete();
    }

    PromptLogprobs promptLogprobs() {
        return promptLogprobs;
    }

    /** Takes what a step that sampled nothing said of the prompt. */
    void learnPrompt(RowResult row) {
        if (asksPrompt()) {
            promptLogprobs.take(row);
        }
    }

    /** The log probabilities of the tokens after the scheduled ones, but for those known. */
    private OutputRequest promptOutput() {
        int known = promptLogprobs.known();
        int count = computedTokens + scheduledTokens + 1 - known;
        return count < 1
                ? OutputRequest.NONE
                : new OutputRequest.TargetLogprobs(tokens(known, count),
                        request.reply().promptTop());
    }

    /** Whether only the last sampled token remains to be computed. */
    boolean decoding() {
        return remainingTokens() == 1 && length > promptTokens();
    }

    int[] tokens(int from, int count) {
        return Arrays.copyOfRange(tokens, from, from + count); // zeros beyond the last
    }

    int promptTokens() {
        return request.prompt().length;
    }

    int completionTokens() {
        return length - promptTokens();
    }

    TokenUsage usage() {
        return new TokenUsage(promptTokens(), cachedTokens, completionTokens(), acceptedDrafts,
                computedDrafts - acceptedDrafts);
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
        schedule(0);
    }

    int scheduledTokens() {
        return scheduledTokens;
    }

    void schedule(int count) {
        scheduledTokens = count;
        drafts = NO_DRAFTS;
    }

    /**
     * Guesses the tokens after the last one, if that is scheduled and guesses have paid so far.
     *
     * @param most of them
     */
    int[] guess(int most) {
        // The token that follows the last guess must be one that may still be sampled.
        int count = Math.min(Math.min(most, draftLength.tokens()), tokenLimit - length - 1);
        return count < 1 ? NO_DRAFTS : allowed(PromptLookup.draft(tokens, length, count));
    }

    /** As many guesses as the constraint lets through; notes the masks of what follows each. */
    private int[] allowed(int[] guesses) {
        if (matcher == null || guesses.length == 0) {
            draftMasks = SamplingSettings.NO_MASKS;
            return guesses;
        }
        draftMasks = new long[guesses.length + 1][];
        draftMasks[0] = masks[0];
        CompletionMatcher ahead = matcher.fork();
        for (int i = 0; i < guesses.length; i++) {
            int token = guesses[i];
            if ((draftMasks[i][token >> 6] >>> token & 1) == 0 || !follow(ahead, token, i + 1)) {
                draftMasks = Arrays.copyOf(draftMasks, i + 1);
                return Arrays.copyOf(guesses, i);
            }
        }
        return guesses;
    }

    private boolean follow(CompletionMatcher ahead, int token, int next) {
        try {
            ahead.accept(token);
            if (ahead.isComplete()) {
                return false;
            }
            draftMasks[next] = new long[ahead.maskWords()];
            ahead.fillMask(draftMasks[next]);
            return true;
        } catch (ConstraintException e) {
            return false; // it will show, or not, when the model says this token itself
        }
    }

    /** Schedules guesses after the tokens that are scheduled; the cache must have room for them. */
    void draft(int[] guesses) {
        drafts = guesses;
        draftMasks = Arrays.copyOf(draftMasks, Math.min(draftMasks.length, guesses.length + 1));
        scheduledTokens += guesses.length;
    }

    /** How many guesses the scheduled tokens end with. */
    int draftTokens() {
        return drafts.length;
    }

    private int rightDrafts(int[] sampled) {
        int right = 0;
        while (right < drafts.length && drafts[right] == sampled[right]) {
            right++;
        }
        return right;
    }

    /**
     * How many of the scheduled tokens are guesses that did not turn out right.
     *
     * @param row what the step said; null if it failed
     */
    int wrongDrafts(RowResult row) {
        if (row == null) {
            return drafts.length;
        }
        // Of a poisoned row nothing is believed, and all of it is computed again without guesses.
        return row.poisoned() ? newTokens() : drafts.length - rightDrafts(row.tokens());
    }

    /**
     * Compares the guesses with what the model said, and takes them off the schedule.
     *
     * @return how many were right, before the first that was not
     */
    int verify(int[] sampled) {
        int accepted = rightDrafts(sampled);
        if (drafts.length > 0) {
            draftLength.verified(drafts.length, accepted);
        } else {
            draftLength.plain();
        }
        computedDrafts += drafts.length;
        schedule(scheduledTokens - drafts.length);
        return accepted;
    }

    /** Schedules a guess that turned out right: it is computed already. */
    void scheduleAccepted() {
        acceptedDrafts++;
        schedule(1);
    }

    /** Computes nothing of what was scheduled, and guesses no more. */
    void withdrawDrafts() {
        computedDrafts += newTokens();
        draftLength.stop();
        schedule(0);
    }

    /** Computes what was scheduled once more, because the step failed, and guesses no more. */
    void retry() {
        computedDrafts += drafts.length;
        everComputedTokens = Math.max(everComputedTokens,
                computedTokens + scheduledTokens - drafts.length);
        draftLength.stop();
        schedule(0);
    }

    /** Whether the scheduled tokens are all that remain, so that the step samples the next. */
    boolean samples() {
        return scheduledTokens - drafts.length == remainingTokens();
    }

    /** What the next step is to compute. */
    SequenceRow row() {
        OutputRequest output = asksPrompt() ? promptOutput() : OutputRequest.NONE;
        SamplingRow draw = null;
        if (samples()) {
            int positions = 1 + drafts.length;
            if (request.topLogprobs() >= 0) {
                output = new OutputRequest.TopLogprobs(positions, request.topLogprobs());
            } else {
                output = positions == 1
                        ? OutputRequest.SAMPLE_LAST
                        : new OutputRequest.Sample(positions);
            }
            draw = positions == 1 || draftMasks.length == 0
                    ? sampling.row(tokens, length, promptTokens())
                    : sampling.row(tokens, length, promptTokens(), draftMasks);
        }
        int[] scheduled = tokens(computedTokens, scheduledTokens);
        System.arraycopy(drafts, 0, scheduled, scheduledTokens - drafts.length, drafts.length);
        return new SequenceRow(scheduled, computedTokens, blocks.rows(), request.adapterSlot(),
                output, draw);
    }

    /** What the next step does for this request, if all its guesses are right. */
    StepShare share(long contextTokens) {
        int fresh = newTokens();
        int again = scheduledTokens - fresh;
        int prompt = Math.clamp(promptTokens() - computedTokens - again, 0, fresh);
        return new StepShare(request.id(), prompt, again, fresh - prompt, contextTokens);
    }

    /** Of the scheduled tokens those that were never computed before. */
    private int newTokens() {
        return scheduledTokens
                - Math.clamp(everComputedTokens - computedTokens, 0, scheduledTokens);
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
     * @throws ConstraintException if the text cannot go on
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
