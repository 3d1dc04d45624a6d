package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.LogitAdjuster;
import dev.millrace.engine.forward.LogitEdits;
import dev.millrace.engine.forward.LogitReader;
import dev.millrace.engine.forward.LogitSurvey;
import dev.millrace.engine.forward.OutputRequest.TargetLogprobs;
import dev.millrace.engine.forward.SamplingRow;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.kernels.cuda.CudaDevice;
import dev.millrace.kernels.cuda.CudaSurvey;
import dev.millrace.kernels.cuda.SurveyAnswer;
import dev.millrace.kernels.cuda.SurveyQuestion;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Asks the device about rows of logits, and reads its answers into surveys. A row may be asked
 * about twice: as its logits are, for log probabilities, and as they are sampled.
 */
final class CudaSurveys {

    private static final int NONE = -1;
    private static final int[] NO_EDITS = new int[SurveyQuestion.EDIT_KINDS];

    private final CudaDevice device;
    private final CudaSurvey kernels;
    private final SurveyBuffers buffers;
    private final CudaSurvey.Memory memory;
    private final int vocabularySize;
    private final double exponentialError;
    private final LogitAdjuster adjuster;
    private final MemorySegment inputs; // pinned (input bytes)
    private final MemorySegment answers; // pinned (answer words)
    private final List<SurveyQuestion> raws = new ArrayList<>();
    private final List<SurveyQuestion> draws = new ArrayList<>();
    private final int[] rawOf; // (logit rows): which question; -1 for none
    private final int[] drawOf; // (logit rows): which question; -1 for none
    private int words;
    private int answerWords;
    private boolean edited;

    /** @param exponentialError of the device's exponentials beside the processor's, as a share */
    CudaSurveys(CudaDevice device, CudaBuffers buffers, int vocabularySize,
            double exponentialError) {
        this.device = device;
        this.kernels = new CudaSurvey(device);
        this.buffers = buffers.survey;
        this.vocabularySize = vocabularySize;
        this.exponentialError = exponentialError;
        memory = this.buffers.memory(buffers.logits, vocabularySize);
        adjuster = new LogitAdjuster(vocabularySize);
        inputs = device.pin(this.buffers.inputBytes());
        answers = device.pin((long) this.buffers.answerWords * Integer.BYTES);
        rawOf = new int[buffers.logitRows];
        drawOf = new int[buffers.logitRows];
    }

    /** Forgets all questions. */
    void begin() {
        raws.clear();
        draws.clear();
        Arrays.fill(rawOf, NONE);
        Arrays.fill(drawOf, NONE);
        words = 0;
        answerWords = 0;
        edited = false;
    }

    /**
     * Asks what a row's output at a position needs.
     *
     * @param logitRow where its logits are
     * @return false, and nothing is asked, if there is no room for it beside the others
     */
    boolean ask(int logitRow, SequenceRow row, int index) {
        boolean asksRaw = LogitReader.asksRaw(row);
        boolean asksDraw = LogitReader.asksDraw(row);
        int asked = raws.size() + draws.size() + (asksRaw ? 1 : 0) + (asksDraw ? 1 : 0);
        if (asked > buffers.questions) {
            return false;
        }
        int wordsBefore = words;
        SurveyQuestion raw = asksRaw ? rawQuestion(logitRow, row, index, answerWords) : null;
        int next = answerWords + (asksRaw ? raw.answerWords() : 0);
        SurveyQuestion draw = asksDraw ? drawQuestion(logitRow, row, index, next) : null;
        next += draw == null ? 0 : draw.answerWords();
        if (next > buffers.answerWords || asksDraw && draw == null) {
            words = wordsBefore;
            return false;
        }
        answerWords = next;
        if (asksRaw) {
            rawOf[logitRow] = raws.size();
            raws.add(raw);
        }
        if (asksDraw) {
            drawOf[logitRow] = draws.size();
            draws.add(draw);
        }
        return true;
    }

    private SurveyQuestion rawQuestion(int logitRow, SequenceRow row, int index, int answer) {
        int wanted = Math.min(LogitReader.likeliest(row), vocabularySize);
        int target = row.output() instanceof TargetLogprobs targets
                ? targets.targets()[index]
                : NONE;
        return new SurveyQuestion(logitRow, NONE, 0, NO_EDITS, 1, 1, wanted, room(wanted), answer,
                false, false, target, 0);
    }

    private int room(int wanted) {
        return wanted == 0 ? 0 : Math.min(wanted + SurveyBuffers.SPARE_TOKENS, vocabularySize);
    }

    /** The question, or null if there is no room for its mask and edits. */
    private SurveyQuestion drawQuestion(int logitRow, SequenceRow row, int index, int answer) {
        SamplingRow sampling = row.sampling();
        LogitEdits edits = adjuster.edits(row, index);
        long[] mask = sampling.masks().length == 0 ? null : sampling.masks()[index];
        long[] allowed = sampling.rules().allowed();
        boolean masked = mask != null || allowed != null;
        int editsAt = words + (masked ? SurveyBuffers.maskWords(vocabularySize) : 0);
        long end = editsAt + (long) edits.count() * SurveyQuestion.EDIT_WORDS;
        if (end > buffers.words) {
            return null;
        }
        if (masked) {
            writeMask(mask == null ? allowed : mask, allowed == null ? mask : allowed);
        }
        int[] ends = new int[SurveyQuestion.EDIT_KINDS];
        for (LogitEdits.Kind kind : LogitEdits.Kind.values()) {
            ends[kind.ordinal()] = edits.end(kind);
        }
        for (int i = 0; i < edits.count(); i++) {
            int at = editsAt + i * SurveyQuestion.EDIT_WORDS;
            setWord(at, edits.token(i));
            setWord(at + 1, Float.floatToRawIntBits(edits.value(i)));
        }
        int wanted = LogitSurvey.wanted(row, index, vocabularySize);
        boolean wantsRaws = LogitReader.asksRaw(row) && edits.count() > 0;
        SurveyQuestion question = new SurveyQuestion(logitRow, masked ? words : NONE, editsAt,
                ends, edits.repetition(), LogitSurvey.scale(sampling.filters()), wanted,
                room(wanted), answer, wanted == LogitSurvey.STRETCH, wantsRaws, NONE,
                LogitSurvey.uniform(row, index));
        words = (int) end;
        edited |= edits.count() > 0;
        return question;
    }

    private void writeMask(long[] mask, long[] allowed) {
        for (int i = 0; i < SurveyBuffers.maskWords(vocabularySize) / 2; i++) {
            long both = mask[i] & allowed[i];
            setWord(words + 2 * i, (int) both);
            setWord(words + 2 * i + 1, (int) (both >>> Integer.SIZE));
        }
    }

    private void setWord(int index, int value) {
        inputs.set(ValueLayout.JAVA_INT, buffers.questionBytes() + (long) index * Integer.BYTES,
                value);
    }

    /** Has all that was asked answered, once the device is waited for. */
    void run() {
        int asked = raws.size() + draws.size();
        if (asked == 0) {
            return;
        }
        for (int i = 0; i < asked; i++) {
            SurveyQuestion question = i < raws.size() ? raws.get(i) : draws.get(i - raws.size());
            question.write(inputs, (long) i * SurveyQuestion.BYTES);
        }
        device.upload(inputs.asSlice(0, (long) asked * SurveyQuestion.BYTES), buffers.inputs);
        if (words > 0) {
            device.upload(inputs.asSlice(buffers.questionBytes(), (long) words * Integer.BYTES),
                    buffers.inputs + buffers.questionBytes());
        }
        kernels.survey(memory, 0, raws.size());
        if (edited) {
            kernels.edit(memory, raws.size(), draws.size());
        }
        kernels.survey(memory, raws.size(), draws.size());
        if (edited) {
            kernels.restore(memory, raws.size(), draws.size());
        }
        device.download(buffers.answers,
                answers.asSlice(0, (long) answerWords * Integer.BYTES));
    }

    /** Reads what was said of a row's logits as they are; null if nothing was asked. */
    LogitSurvey raw(int logitRow, LogitSurvey survey) {
        return rawOf[logitRow] == NONE ? null : read(raws.get(rawOf[logitRow]), survey);
    }

    /** Reads what was said of a row's logits as they are sampled; null if nothing was asked. */
    LogitSurvey draw(int logitRow, LogitSurvey survey) {
        return drawOf[logitRow] == NONE ? null : read(draws.get(drawOf[logitRow]), survey);
    }

    private LogitSurvey read(SurveyQuestion question, LogitSurvey survey) {
        SurveyAnswer answer = new SurveyAnswer(answers, question);
        int count = answer.count();
        // Where there was no room for all that are told it is as if none were.
        survey.begin(answer.max(), answer.total(), exponentialError, vocabularySize,
                count < 0 ? Float.POSITIVE_INFINITY : answer.below());
        survey.tellTarget(answer.target(), answer.likelier());
        for (int i = 0; i < count; i++) {
            survey.add(answer.token(i), answer.logit(i), answer.raw(i));
        }
        if (answer.stretch() >= 0) {
            survey.startStretch(answer.before());
            int length = Math.min(CudaSurvey.SEGMENT_TOKENS, vocabularySize - answer.stretch());
            for (int i = 0; i < length; i++) {
                survey.add(answer.stretch() + i, answer.stretchLogit(i), answer.stretchRaw(i));
            }
        }
        survey.finish();
        return survey;
    }
}
