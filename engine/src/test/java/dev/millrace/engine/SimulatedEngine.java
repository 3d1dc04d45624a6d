package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.engine.GenerationEvent.Token;
import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.RecordingObserver;
import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.CacheGeometry.LayerGroup;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

import static org.assertj.core.api.Assertions.*;

/**
 * One random workload: an engine without its thread, with a pool so small that sequences are thrown
 * out, prompts that begin alike, cancellations, failing steps and spoilt caches.
 */
final class SimulatedEngine {

    private static final int VOCABULARY_SIZE = 150;
    private static final int END = 0;
    private static final int MOST_PROMPT_TOKENS = 40;
    private static final int MOST_COMPLETION_TOKENS = 80;

    private final SplittableRandom random;
    private final CacheGeometry geometry;
    private final EngineSettings settings;
    private final NextToken model;
    private final BlockCache cache;
    private final RequestRules rules;
    private final Inbox inbox;
    private final DeviceLane lane;
    private final RecordingObserver books = new RecordingObserver();
    private final Optional<Drafter> drafter;
    private final EngineLoop loop;
    private final int[][] beginnings = new int[3][];
    private final int requests;
    private final int faultsIn1000;
    private final boolean urgent; // whether there are tiers and priorities
    private final int hasty; // one in so many has a deadline
    private final int arrivals; // 2 for a crowd at once, more for a trickle
    private final List<Client> clients = new ArrayList<>();
    private final int stepNanos; // at least; a draft's steps may take less
    private long now;
    private int batchTokens;
    private long turnsAllowed = 10;
    private int failedSteps;
    private int[] lastPrompt;
    private long copiedBlocks;
    private int draftStepTokens;
    private long draftSteps;

    /** A submitted request and what its reader has seen. */
    private static final class Client {

        private final Sequence sequence;
        private final int[] expected;
        private final List<Integer> published = new ArrayList<>();
        private Finished finished;
        private boolean struck;

        Client(Sequence sequence, int[] expected) {
            this.sequence = sequence;
            this.expected = expected;
        }
    }

    SimulatedEngine(long seed) {
        random = new SplittableRandom(seed);
        geometry = randomGeometry();
        settings = randomSettings();
        model = windowed(random.nextBoolean()
                ? NextToken.any(VOCABULARY_SIZE)
                : repeating(2 + random.nextInt(6)));
        cache = new BlockCache(geometry, settings.stepTokens(), settings.prefixReuse());
        rules = new RequestRules(VOCABULARY_SIZE, settings.contextTokens(), cache.positions());
        inbox = new Inbox(settings);
        lane = new DeviceLane(() -> now += random.nextInt(1000));
        stepNanos = random.nextBoolean() ? 0 : 5000;
        urgent = random.nextInt(3) == 0;
        hasty = random.nextBoolean() ? 4 : 1000;
        arrivals = 2 + random.nextInt(8);
        faultsIn1000 = random.nextInt(4) == 0 ? 10 : 0;
        requests = 1 + random.nextInt(24);
        for (int i = 0; i < beginnings.length; i++) {
            beginnings[i] = randomTokens(random.nextInt(1 + MOST_PROMPT_TOKENS));
        }
        ScriptedForwardPass pass = new ScriptedForwardPass(geometry, VOCABULARY_SIZE, model)
                .failWhen(batch -> checkLimits(batch) && fault(100, batch.rows()))
                .poisonWhen(row -> fault(1000, List.of(row)));
        drafter = random.nextBoolean() ? Optional.empty() : Optional.of(randomDrafter());
        loop = new EngineLoop(pass, new Letters(), settings, inbox, cache, lane, books,
                new AdapterSlots(pass, lane), drafter);
    }

    /** A draft model that often says the same, with a cache of its own that may be tiny. */
    private Drafter randomDrafter() {
        CacheGeometry small = randomGeometry();
        int wrong = 2 + random.nextInt(8);
        NextToken guess = prefix -> NextToken.hash(prefix) % wrong == 0
                ? random.nextInt(VOCABULARY_SIZE)
                : model.after(prefix);
        ScriptedForwardPass draft = new ScriptedForwardPass(small, VOCABULARY_SIZE, guess)
                .failWhen(batch -> checkDraft(batch) && faultsIn1000 > 0
                        && random.nextInt(1000) < faultsIn1000)
                .poisonWhen(row -> faultsIn1000 > 0 && random.nextInt(10_000) < faultsIn1000);
        draftStepTokens = settings.sequences() + random.nextInt(30);
        return new Drafter(new DraftModel(draft, draftStepTokens, 10 + random.nextInt(150)),
                VOCABULARY_SIZE, settings.prefixReuse(), lane, books);
    }

    private boolean checkDraft(StepBatch batch) {
        draftSteps++;
        assertThat(batch.tokens()).isBetween(1, draftStepTokens);
        assertThat(batch.rows().size()).isBetween(1, settings.sequences());
        return true;
    }

    /** Tokens without text, one of which ends a generation. */
    private record Letters() implements Vocabulary {

        @Override
        public int size() {
            return VOCABULARY_SIZE;
        }

        @Override
        public byte[] bytes(int token) {
            return NO_BYTES;
        }

        @Override
        public boolean endsGeneration(int token) {
            return token == END;
        }
    }

    private CacheGeometry randomGeometry() {
        int blockTokens = 1 + random.nextInt(8);
        int blocks = 2 + random.nextInt(200 / blockTokens);
        List<LayerGroup> groups = new ArrayList<>();
        int kind = random.nextInt(4);
        if (kind != 0) {
            groups.add(new LayerGroup(2, 0, blocks, 0, 64));
        }
        if (kind <= 1) {
            int window = 1 + random.nextInt(20);
            groups.add(new LayerGroup(1, window, 2 + random.nextInt(blocks), 0, 64));
        }
        return new CacheGeometry(blockTokens, groups);
    }

    private EngineSettings randomSettings() {
        int sequences = 1 + random.nextInt(10);
        return new EngineSettings(sequences, sequences + random.nextInt(24),
                20 + random.nextInt(140), 2 + random.nextInt(24), 40 + random.nextInt(800),
                random.nextInt(4) != 0, random.nextBoolean()
                        ? Speculation.OFF
                        : new Speculation(1 + random.nextInt(6), 1 + random.nextInt(16), 0.05));
    }

    /** Mostly says again what it said a few tokens ago, so that guesses are right now and then. */
    private static NextToken repeating(int period) {
        NextToken any = NextToken.any(VOCABULARY_SIZE);
        return prefix -> prefix.length < period || any.after(prefix) % 6 == 0
                ? any.after(prefix)
                : prefix[prefix.length - period];
    }

    /** A model sees as far as its widest layers do. */
    private NextToken windowed(NextToken next) {
        int widest = geometry.groups().stream().mapToInt(LayerGroup::windowTokens)
                .map(window -> window == 0 ? Integer.MAX_VALUE : window).max().orElseThrow();
        return prefix -> next.after(prefix.length <= widest
                ? prefix
                : Arrays.copyOfRange(prefix, prefix.length - widest, prefix.length));
    }

    private int[] randomTokens(int count) {
        return random.ints(count, 0, VOCABULARY_SIZE).toArray();
    }

    private boolean checkLimits(StepBatch batch) {
        batchTokens = batch.tokens();
        now += stepNanos;
        copiedBlocks += batch.blocks().copy().size();
        assertThat(batchTokens).isBetween(1, settings.stepTokens());
        assertThat(batch.rows().size()).isBetween(1, settings.sequences());
        checkReferences();
        return true;
    }

    /** Whether a fault strikes; remembers whom. */
    private boolean fault(int rarity, List<SequenceRow> rows) {
        boolean strikes = faultsIn1000 > 0 && random.nextInt(10 * rarity) < faultsIn1000;
        if (strikes && rarity < 1000) {
            failedSteps++;
            turnsAllowed += rows.size();
        }
        for (Client client : clients) {
            client.struck |= strikes && rows.stream().anyMatch(
                    row -> row.blockTables() == client.sequence.blocks().rows());
        }
        return strikes;
    }

    /** Every block has as many references as there are tables that hold it. */
    private void checkReferences() {
        for (int group = 0; group < geometry.groups().size(); group++) {
            int[] holders = new int[cache.pool(group).size()];
            for (Client client : clients) {
                BlockTables blocks = client.sequence.blocks();
                for (int i = blocks.released(group); i < blocks.length(group); i++) {
                    holders[blocks.block(group, i)]++;
                }
            }
            BlockPool pool = cache.pool(group);
            int[] references = new int[pool.size()];
            Arrays.setAll(references, pool::references);
            assertThat(references).isEqualTo(holders);
        }
    }

    /** Runs the workload to its end. */
    void run() {
        int submitted = 0;
        long turns = 0;
        while (submitted < requests || !loop.isIdle() || inbox.liveRequests() > 0) {
            while (submitted < requests && random.nextInt(arrivals) == 0) {
                submit("r" + submitted++);
            }
            if (!clients.isEmpty() && random.nextInt(60) == 0) {
                inbox.end(clients.get(random.nextInt(clients.size())).sequence,
                        FinishReason.CANCELLED);
            }
            int steps = books.steps().size();
            loop.turn();
            if (books.steps().size() > steps) {
                // The oldest always moves, so nobody waits longer than all before it take.
                assertThat(++turns).isLessThanOrEqualTo(turnsAllowed);
                checkLastStep();
            }
            clients.forEach(this::read);
        }
        checkBooks();
        clients.forEach(this::check);
    }

    private void submit(String id) {
        int[] beginning = beginnings[random.nextInt(beginnings.length)];
        int shared = random.nextInt(3) == 0
                ? random.nextInt(beginning.length + 1)
                : beginning.length;
        int[] own = randomTokens(1 + random.nextInt(MOST_PROMPT_TOKENS + 1 - shared));
        boolean again = lastPrompt != null && random.nextInt(3) == 0; // as choices of a request
        int[] prompt = again ? lastPrompt : Arrays.copyOf(beginning, shared + own.length);
        if (!again) {
            System.arraycopy(own, 0, prompt, shared, own.length);
        }
        lastPrompt = prompt;
        GenerationRequest request = Requests.of(id, prompt,
                1 + random.nextInt(MOST_COMPLETION_TOKENS), "group" + random.nextInt(3),
                random.nextInt(8) == 0 ? "own" : "shared").served(randomTerms());
        try {
            int limit = rules.tokenLimit(request);
            Reply reply = new Reply(request, new Letters(), limit - prompt.length,
                    lane.nanoTime());
            Sequence sequence = new Sequence(request, limit, geometry.groups().size(),
                    settings.speculation(), reply);
            inbox.submit(sequence);
            clients.add(new Client(sequence,
                    ScriptedForwardPass.alone(model, prompt, limit - prompt.length)));
            // One that comes may throw out the first, which loses what it has computed.
            turnsAllowed += 2L * settings.contextTokens();
        } catch (IllegalArgumentException neverFits) {
            assertThat(prompt.length).isGreaterThan(
                    Math.min(settings.contextTokens() - 1, cache.positions()));
        } catch (OverloadException full) {
            assertThat(inbox.liveRequests()).isPositive();
        }
    }

    private ServiceTerms randomTerms() {
        ServiceTier tier = urgent
                ? ServiceTier.values()[random.nextInt(3)]
                : ServiceTier.DEFAULT;
        return new ServiceTerms(tier, urgent ? random.nextInt(-100, 101) : 0,
                Duration.ofNanos(random.nextInt(hasty) == 0 ? 1 + random.nextInt(100_000) : 0));
    }

    private void checkLastStep() {
        int tokens = 0;
        for (StepShare share : books.steps().getLast().shares()) {
            assertThat(share.decodeTokens()).isNotNegative();
            tokens += (int) share.tokens();
        }
        assertThat(tokens).isEqualTo(batchTokens);
    }

    private void read(Client client) {
        while (client.finished == null) {
            switch (next(client)) {
                case null -> {
                    return;
                }
                case Token token -> client.published.add(token.token());
                case Finished finished -> client.finished = finished;
            }
        }
    }

    private static GenerationEvent next(Client client) {
        try {
            return client.sequence.reply().events().next(Duration.ZERO);
        } catch (InterruptedException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private void checkBooks() {
        LaneReading reading = lane.reading();
        assertThat(books.stepNanos()).isEqualTo(reading.stepNanos());
        assertThat(reading.stepNanos() + reading.overheadNanos() + reading.idleNanos())
                .isEqualTo(reading.elapsedNanos());
        assertThat(books.finished()).extracting(FinishedRequest::requestId)
                .containsExactlyInAnyOrderElementsOf(
                        clients.stream().map(client -> client.sequence.request().id()).toList());
        assertThat(cache.usedBlocks()).isZero();
        drafter.ifPresent(draft -> assertThat(draft.cache().usedBlocks()).isZero());
        checkReferences();
    }

    private void check(Client client) {
        int[] published = client.published.stream().mapToInt(Integer::intValue).toArray();
        assertThat(client.finished).isNotNull();
        assertThat(published).isEqualTo(Arrays.copyOf(client.expected, published.length));
        TokenUsage usage = client.finished.usage();
        switch (client.finished.reason()) {
            case STOP -> {
                assertThat(client.expected[published.length]).isEqualTo(END);
                assertThat(usage.completionTokens()).isEqualTo(published.length + 1);
            }
            case LENGTH -> assertThat(published).hasSize(client.expected.length)
                    .hasSize(usage.completionTokens());
            case CANCELLED, DEADLINE -> assertThat(published).hasSize(usage.completionTokens());
            case FAILED -> assertThat(client.struck).isTrue();
        }
        assertThat(client.finished.reason() != FinishReason.DEADLINE
                || client.sequence.request().terms().limited()).isTrue();
        if (client.finished.reason() == FinishReason.STOP
                || client.finished.reason() == FinishReason.LENGTH) {
            checkShares(client.sequence.request().id(), usage);
        }
    }

    /** What the steps say about a request adds up to what its usage says. */
    private void checkShares(String id, TokenUsage usage) {
        int prompt = 0;
        int decode = 0;
        int again = 0;
        for (StepRecord step : books.steps()) {
            for (StepShare share : step.shares()) {
                if (share.requestId().equals(id)) {
                    prompt += share.promptTokens();
                    decode += share.decodeTokens() + share.rejectedTokens();
                    again += share.recomputeTokens();
                }
            }
        }
        assertThat(prompt).isEqualTo(usage.promptTokens() - usage.cachedTokens());
        assertThat(decode).isEqualTo(usage.completionTokens() - 1 + usage.rejectedDrafts());
        assertThat(again == 0 || preemptions() > 0 || failedSteps > 0).isTrue();
    }

    long preemptions() {
        return loop.status().preemptions();
    }

    long copiedBlocks() {
        return copiedBlocks;
    }

    long draftSteps() {
        return draftSteps;
    }

    long reusedTokens() {
        return books.finished().stream().mapToLong(ended -> ended.usage().cachedTokens()).sum();
    }

    long acceptedDrafts() {
        return books.finished().stream().mapToLong(ended -> ended.usage().acceptedDrafts()).sum();
    }

    long rejectedDrafts() {
        return books.finished().stream().mapToLong(ended -> ended.usage().rejectedDrafts()).sum();
    }

    long deadlines() {
        return books.finished().stream()
                .filter(ended -> ended.reason() == FinishReason.DEADLINE).count();
    }

    long failures() {
        return books.finished().stream()
                .filter(ended -> ended.reason() == FinishReason.FAILED).count();
    }

    @Override
    public String toString() {
        return geometry + " " + settings + " with " + requests + " requests";
    }
}
