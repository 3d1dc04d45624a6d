package dev.millrace.engine;

import dev.millrace.engine.DeviceLane.Occupancy;
import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.forward.BlockOperations;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.engine.forward.StepResult;
import dev.millrace.engine.forward.StepResult.RowResult;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Lets a draft model guess what sequences say next, ahead of the step that verifies it (Leviathan
 * et al., "Fast Inference from Transformers via Speculative Decoding", ICML 2023). The draft draws
 * with the request's own settings, noise and constraint, so that where it thinks as the large model
 * does it also draws the same token; what is said is always what the large model draws.
 *
 * <p>The draft model reads a text when its sequence begins to decode, in chunks beside the steps.
 * Its cache is its own; where that is full, the later of two sequences goes without guesses.
 * Whatever goes wrong here costs guesses and never a request.
 */
final class Drafter {

    private static final Logger LOG = System.getLogger(Drafter.class.getName());

    /** Tokens read at a time before it is known how fast the draft model reads. */
    private static final int FIRST_CHUNK_TOKENS = 64;
    private static final int LEAST_CHUNK_TOKENS = 16;
    /** So few are read along with drawing; more count as catching up. */
    private static final int FEW_TOKENS = 12;

    private final DraftModel model;
    private final int vocabularySize;
    private final BlockCache cache;
    private final int groups;
    private final DeviceLane lane;
    private final StepObserver observer;
    private final Map<Sequence, DraftText> texts = new LinkedHashMap<>();
    private final int longest; // text
    private GuessCosts costs;

    Drafter(DraftModel model, int vocabularySize, boolean prefixReuse, DeviceLane lane,
            StepObserver observer) {
        this.model = model;
        this.vocabularySize = vocabularySize;
        this.cache = new BlockCache(model.pass().cacheGeometry(), model.stepTokens(), prefixReuse);
        this.groups = model.pass().cacheGeometry().groups().size();
        this.longest = Math.min(model.contextTokens(), cache.positions());
        this.lane = lane;
        this.observer = observer;
    }

    /**
     * Makes guesses for sequences that are about to decode.
     *
     * @param decoding first to last
     * @param room     most guesses for all of them
     * @param learnt   what guesses cost; learns from this
     */
    void draft(List<Sequence> decoding, int room, GuessCosts learnt) {
        costs = learnt;
        List<DraftText> drawing = new ArrayList<>();
        int guesses = room;
        int tokens = model.stepTokens();
        boolean reading = false; // one at a time, so that others find what it has read
        for (Sequence sequence : decoding) {
            int wanted = wanted(sequence, guesses, decoding.size());
            if (wanted < 1) {
                continue;
            }
            DraftText text = text(sequence);
            boolean far = text.missingTokens() > FEW_TOKENS;
            if (far && reading) {
                continue;
            }
            reading |= far;
            int chunk = Math.min(tokens, far ? chunk(decoding.size()) : FEW_TOKENS);
            if (text.missingTokens() <= chunk) {
                if (grow(text, text.missingTokens() + wanted - 1, decoding, drawing)) {
                    tokens -= text.missingTokens();
                    guesses -= wanted;
                    text.begin(wanted);
                    drawing.add(text);
                }
            } else if (chunk > 0 && far && grow(text, chunk, decoding, drawing)) {
                read(text, chunk);
            }
        }
        draw(drawing);
    }

    /** Guesses to make; none where reading the text would take more than they could save. */
    private int wanted(Sequence sequence, int most, int decoding) {
        int wanted = Math.min(sequence.wantedDrafts(most, costs, decoding),
                longest - sequence.length());
        DraftText text = texts.get(sequence);
        int besideTokens = costs.tokensBeside(decoding);
        if (wanted < 1 || besideTokens == 0 || text != null && text.computedTokens() > 0) {
            return wanted;
        }
        // Guesses hardly ever save more than half of the steps that are left.
        long savedSteps = sequence.tokensLeft() / 2;
        return sequence.length() > savedSteps * besideTokens ? 0 : wanted;
    }

    private int chunk(int decoding) {
        int beside = costs.tokensBeside(decoding);
        return beside == 0 ? FIRST_CHUNK_TOKENS : Math.max(beside, LEAST_CHUNK_TOKENS);
    }

    /** A sequence's text, with nothing in the cache that is not its own. */
    private DraftText text(Sequence sequence) {
        DraftText text = texts.computeIfAbsent(sequence, key -> new DraftText(key, groups));
        text.reconcile();
        if (text.computedTokens() == 0) {
            cache.release(text); // of blocks that were too few
            text.computed(cache.reuse(text));
        }
        cache.slide(text);
        if (text.sound()) {
            cache.share(text);
        }
        return text;
    }

    /** Takes blocks for the next tokens, from sequences that come later if need be. */
    private boolean grow(DraftText text, int tokens, List<Sequence> decoding,
            List<DraftText> drawing) {
        while (cache.grow(text, tokens) < tokens) {
            DraftText victim = victim(text, decoding);
            if (victim == null || drawing.contains(victim)) {
                return false;
            }
            if (decoding.contains(victim.sequence())) {
                victim.sequence().stopDrafts(); // or it would read all of it again, and again
            }
            drop(victim);
        }
        return true;
    }

    /** Whoever does not decode, or else the last of those after {@code text}; or null. */
    private DraftText victim(DraftText text, List<Sequence> decoding) {
        DraftText last = null;
        int latest = decoding.indexOf(text.sequence());
        for (DraftText other : texts.values()) {
            int place = decoding.indexOf(other.sequence());
            if (place < 0) {
                return other;
            }
            if (place > latest) {
                latest = place;
                last = other;
            }
        }
        return last;
    }

    private void read(DraftText text, int chunk) {
        Occupancy<StepResult> run = step(List.of(text), List.of(text.row(chunk)));
        if (run.failure() == null) {
            costs.caughtUp(chunk, run.nanos());
            text.computed(text.computedTokens() + chunk);
        }
    }

    private void draw(List<DraftText> all) {
        List<DraftText> going = all;
        while (!going.isEmpty()) {
            List<SequenceRow> rows = going.stream().map(DraftText::row).toList();
            Occupancy<StepResult> run = step(going, rows);
            if (run.failure() != null) {
                return;
            }
            costs.drew(rows.size(), run.nanos());
            List<DraftText> further = new ArrayList<>();
            for (int i = 0; i < going.size(); i++) {
                DraftText text = going.get(i);
                text.computed(rows.get(i).computedTokens() + rows.get(i).tokens().length);
                if (take(text, run.value().rows().get(i))) {
                    further.add(text);
                }
            }
            going = further;
        }
    }

    private boolean take(DraftText text, RowResult row) {
        if (row.poisoned()) {
            giveUp(text);
            return false;
        }
        return text.take(row.tokens()[0]);
    }

    /** Runs a step of the draft model; where it fails, its sequences go on without guesses. */
    private Occupancy<StepResult> step(List<DraftText> of, List<SequenceRow> rows) {
        List<StepShare> shares = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            int count = rows.get(i).tokens().length;
            shares.add(StepShare.drafted(of.get(i).sequence().request().id(), count,
                    cache.contextTokens(rows.get(i).computedTokens(), count)));
        }
        StepBatch batch = new StepBatch(rows, BlockOperations.NONE);
        Occupancy<StepResult> run = lane.step(() -> check(batch, model.pass().step(batch)));
        observer.onStep(new StepRecord(run.nanos(), shares));
        if (run.failure() != null) {
            LOG.log(Level.ERROR, "a step of the draft model failed; " + rows.size()
                    + " requests go on without it", run.failure());
            of.forEach(this::giveUp);
        }
        return run;
    }

    private StepResult check(StepBatch batch, StepResult result) {
        for (int i = 0; i < batch.rows().size(); i++) {
            int[] tokens = result.rows().get(i).tokens();
            if (batch.rows().get(i).output().samples() && !result.rows().get(i).poisoned()
                    && (tokens.length != 1 || tokens[0] < 0 || tokens[0] >= vocabularySize)) {
                throw new IllegalStateException("the draft model must sample a token from 0 to "
                        + (vocabularySize - 1) + ", got " + Arrays.toString(tokens));
            }
        }
        return result;
    }

    private void giveUp(DraftText text) {
        text.sequence().stopDrafts();
        cache.discredit(text);
        drop(text);
    }

    private void drop(DraftText text) {
        texts.remove(text.sequence());
        cache.release(text);
    }

    /** Notes that a sequence has ended. */
    void ended(Sequence sequence) {
        DraftText text = texts.get(sequence);
        if (text != null) {
            drop(text);
        }
    }

    /** The draft model's cache, in which nothing is left once all have ended. */
    BlockCache cache() {
        return cache;
    }
}
