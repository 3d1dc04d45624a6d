package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.LogitSurvey;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.cuda.CudaSurvey;
import dev.millrace.kernels.cuda.SurveyQuestion;

/** Where questions about logits, what belongs to them, and their answers are on the device. */
final class SurveyBuffers {

    /** Room for tokens beyond those that are wanted: about as likely as the last of them. */
    static final int SPARE_TOKENS = 64;

    /** More are asked and answered in several goes. */
    private static final int MOST_QUESTIONS = 128;
    private static final int USUAL_EDITS = 1024;
    private static final int USUAL_ANSWER_WORDS = 2400;
    /** Header, the most tokens in three lists, and the stretch twice. */
    private static final int MOST_ANSWER_WORDS = 16
            + 3 * (LogitSurvey.MOST + SPARE_TOKENS) + 2 * CudaSurvey.SEGMENT_TOKENS;

    final int questions;
    final int words;
    final int answerWords;
    final long inputs; // (questions x question bytes), then (words)
    final long answers; // (answer words)
    final long scratch;

    SurveyBuffers(int vocabularySize, MemoryBudget budget, int logitRows, DeviceLayout layout) {
        questions = Math.min(MOST_QUESTIONS, 2 * logitRows);
        long mostEdits = 2L * Math.min(vocabularySize, budget.contextTokens()) + USUAL_EDITS;
        long most = maskWords(vocabularySize) + mostEdits * SurveyQuestion.EDIT_WORDS;
        words = Math.toIntExact(Math.max(most,
                (long) questions * (maskWords(vocabularySize) + USUAL_EDITS)));
        answerWords = Math.max(MOST_ANSWER_WORDS, questions * USUAL_ANSWER_WORDS);
        inputs = layout.take(inputBytes());
        answers = layout.ints(answerWords);
        scratch = layout.take(CudaSurvey.scratchBytes(questions, vocabularySize));
    }

    /** Of a mask: whole longs. */
    static int maskWords(int vocabularySize) {
        return 2 * Math.ceilDiv(vocabularySize, Long.SIZE);
    }

    long questionBytes() {
        return (long) questions * SurveyQuestion.BYTES;
    }

    /** Questions, and what belongs to them. */
    long inputBytes() {
        return questionBytes() + (long) words * Integer.BYTES;
    }

    CudaSurvey.Memory memory(long logits, int vocabularySize) {
        return new CudaSurvey.Memory(logits, inputs, inputs + questionBytes(), answers, scratch,
                questions, vocabularySize);
    }
}
