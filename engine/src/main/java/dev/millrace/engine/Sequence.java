package dev.millrace.engine;

import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.constrain.CompletionMatcher;
import dev.millrace.engine.constrain.ConstraintException;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.OutputRequest.PooledHidden.Pooling;
import dev.millrace.engine.forward.SamplingRow;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepResult.RowResult;
import java.util.Arrays;

/**
 * The state of one request: its tokens, how many of them the cache holds, and what has been
 * counted. Belongs to the engine's thread once submitted.
 */
final class Sequence implements CachedText {

    private static final int INITIAL_COMPLETION_TOKENS = 64;

    private final GenerationRequest request;
    private final int promptHash;
    private final int tokenLimit;
    private final BlockTables blocks;
    private final SamplingSettings sampling;
    private final Reply reply;
    private final CompletionMatcher matcher; // null where the text may be anything
    private final long[][] masks; // one, of what may come next; or none
    private final long turnNanos;
    private final PromptLogprobs promptLogprobs; // null where nobody asks
    private float[] promptState; // (embedding) once it is known, where it is the answer
    private long arrival;
    private boolean started;
    private boolean ended;

    private int[] tokens; // prompt, then completion
    private int length;
    private int computedTokens;
    private int everComputedTokens; // the most that computedTokens has been
    private int cachedTokens;
    private int backlogTokens; // when it was last admitted
    private int scheduledTokens;
    private final Guesses guesses; // the scheduled tokens end with those that are scheduled

    /**
     * @param tokenLimit  most tokens, prompt and completion together
     * @param groups      layer groups of the cache
     * @param speculation how far to guess ahead
     * @param reply       what the request's reader sees
     */
    Sequence(GenerationRequest request, int tokenLimit, int groups, Speculation speculation,
            Reply reply) {
        this.request = request;
        this.promptHash = Arrays.hashCode(request.prompt());
        this.guesses = new Guesses(speculation);
        this.reply = reply;
        this.tokenLimit = tokenLimit;
        this.turnNanos = reply.submittedNanos() + request.terms().delayNanos();
        this.blocks = new BlockTables(groups);
        this.length = request.prompt().length;
        this.backlogTokens = length;
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

    @Override
    public BlockTables blocks() {
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

    /** Prompt and completion. */
    @Override
    public int length() {
        return length;
    }

    @Override
    public int computedTokens() {
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

    @Override
    public int reusableTokens() {
        return asksPrompt() ? promptLogprobs.known() - 1 : length - 1;
    }

    private boolean asksPrompt() {
        return promptLogprobs != null && !promptLogprobs.complete();
    }

    PromptLogprobs promptLogprobs() {
        return promptLogprobs;
    }

    /** Whether the state after the prompt is all that is wanted. */
    boolean endsWithPrompt() {
        return request.reply().promptState();
    }

    /** As {@link Generation#promptState}. */
    float[] promptState() {
        return promptState;
    }

    /** Takes the state after the prompt, which a step computed. */
    void learnState(RowResult row) {
        promptState = row.values();
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

    @Override
    public int[] tokens(int from, int count) {
        return Arrays.copyOfRange(tokens, from, from + count);
    }

    @Override
    public int adapterSlot() {
        return request.adapterSlot();
    }

    @Override
    public String cacheSalt() {
        return request.cacheSalt();
    }

    /** Hash of the prompt's tokens, computed once, and not on the engine's thread. */
    int promptHash() {
        return promptHash;
    }

    int promptTokens() {
        return request.prompt().length;
    }

    int completionTokens() {
        return length - promptTokens();
    }

    TokenUsage usage() {
        return new TokenUsage(promptTokens(), cachedTokens, completionTokens(),
                guesses.accepted(), guesses.rejected());
    }

    /** Starts, or starts again, with {@code reusedTokens} found in the cache. */
    void admit(int reusedTokens) {
        computedTokens = reusedTokens;
        backlogTokens = length - reusedTokens;
        if (reusedTokens > everComputedTokens) {
            cachedTokens += reusedTokens - everComputedTokens;
            everComputedTokens = reusedTokens;
        }
    }

    /** Tokens that there were to compute when it was last admitted; all of them before that. */
    int backlogTokens() {
        return backlogTokens;
    }

    /** Goes back to the beginning after its blocks were taken away. */
    void preempt() {
        computedTokens = 0;
        backlogTokens = length;
        schedule(0);
    }

    int scheduledTokens() {
        return scheduledTokens;
    }

    void schedule(int count) {
        scheduledTokens = count;
        guesses.unschedule();
    }

    /** The most tokens that may be guessed: what follows the last may still be sampled. */
    private int mostGuesses(int most) {
        return Math.min(most, tokenLimit - length - 1);
    }

    /**
     * How many tokens a draft model should guess for the next step.
     *
     * @param most     of them
     * @param decoding sequences that do
     */
    int wantedDrafts(int most, GuessCosts costs, int decoding) {
        return guesses.wanted(this, mostGuesses(most), costs.verifying(decoding),
                costs.drawing(decoding));
    }

    /** Takes what a draft model guesses; masks as {@link Lookahead#masks} has them. */
    void propose(int[] tokensAhead, long[][] masksAhead) {
        guesses.propose(length, tokensAhead, masksAhead);
    }

    /** Lets the draft model guess no more. */
    void stopDrafts() {
        guesses.stopDrafts();
    }

    /** Tokens that may be left of the completion. */
    int tokensLeft() {
        return tokenLimit - length;
    }

    /**
     * Guesses the tokens after the last one, if that is scheduled and guesses have paid so far.
     *
     * @param most     of them
     * @param decoding sequences that do
     * @return how many
     */
    int guess(int most, GuessCosts costs, int decoding) {
        int count = mostGuesses(most);
        return count < 1 ? 0 : guesses.next(this, count, costs.verifying(decoding)).length;
    }

    /** What followed the text's ending where it came before. */
    int[] lookUp(int count) {
        return PromptLookup.draft(tokens, length, count);
    }

    /** What the constraint allows after the last token and those guessed after it. */
    Lookahead lookahead() {
        return matcher == null ? Lookahead.FREE : Lookahead.from(matcher, masks[0]);
    }

    /** Whether a token ends the text. */
    boolean endsAt(int token) {
        return request.endsAt(token, reply.vocabulary());
    }

    /** How the token after the text and some guesses is drawn. */
    SamplingRow drawing(int[] tokensAhead, int count, long[][] mask) {
        return sampling.ahead(tokens, length, promptTokens(), tokensAhead, count, mask);
    }

    /** Schedules guesses after the tokens that are scheduled; the cache must have room for them. */
    void draft(int count) {
        guesses.schedule(count);
        scheduledTokens += count;
    }

    /** How many guesses the scheduled tokens end with. */
    int draftTokens() {
        return guesses.scheduled();
    }

    /**
     * How many of the scheduled tokens are guesses that did not turn out right.
     *
     * @param row what the step said; null if it failed
     */
    int wrongDrafts(RowResult row) {
        if (row == null) {
            return guesses.scheduled();
        }
        // Of a poisoned row nothing is believed, and all of it is computed again without guesses.
        return row.poisoned()
                ? newTokens()
                : guesses.scheduled() - guesses.right(row.tokens());
    }

    /**
     * Compares the guesses with what the model said, and takes them off the schedule.
     *
     * @return how many were right, before the first that was not
     */
    int verify(int[] sampled) {
        int accepted = guesses.verify(sampled);
        schedule(scheduledTokens - guesses.scheduled());
        return accepted;
    }

    /** Schedules a guess that turned out right: it is computed already. */
    void scheduleAccepted() {
        guesses.accept();
        schedule(1);
    }

    /** Computes nothing of what was scheduled, and guesses no more. */
    void withdrawDrafts() {
        guesses.waste(newTokens());
        guesses.stop();
        schedule(0);
    }

    /** Computes what was scheduled once more, because the step failed, and guesses no more. */
    void retry() {
        guesses.waste(guesses.scheduled());
        everComputedTokens = Math.max(everComputedTokens,
                computedTokens + scheduledTokens - guesses.scheduled());
        guesses.stop();
        schedule(0);
    }

    /** Whether the scheduled tokens are all that remain, so that the step tells what follows. */
    boolean reachesEnd() {
        return scheduledTokens - guesses.scheduled() == remainingTokens();
    }

    /** What the next step is to compute. */
    SequenceRow row() {
        OutputRequest output = asksPrompt() ? promptOutput() : OutputRequest.NONE;
        SamplingRow draw = null;
        if (reachesEnd() && endsWithPrompt()) {
            output = new OutputRequest.PooledHidden(Pooling.LAST);
        } else if (reachesEnd()) {
            int positions = 1 + guesses.scheduled();
            if (request.topLogprobs() >= 0) {
                output = new OutputRequest.TopLogprobs(positions, request.topLogprobs());
            } else {
                output = positions == 1
                        ? OutputRequest.SAMPLE_LAST
                        : new OutputRequest.Sample(positions);
            }
            draw = positions == 1 || guesses.masks().length == 0
                    ? sampling.row(tokens, length, promptTokens())
                    : sampling.row(tokens, length, promptTokens(), guesses.masks());
        }
        int[] scheduled = tokens(computedTokens, scheduledTokens);
        guesses.copyTo(scheduled);
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
