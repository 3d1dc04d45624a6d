package dev.millrace.kernels.cuda;

import dev.millrace.kernels.cpu.CpuKernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

/** What the emulated device tells of logits, against what Java's plain code finds in them. */
class CudaSurveyTest extends OnEmulatedDevice {

    private static final int[] NO_EDITS = new int[SurveyQuestion.EDIT_KINDS];

    /** Masks and edits come from {@code words}; rows of logits are as many as they fill. */
    private static List<SurveyAnswer> ask(float[] logits, int vocabulary, int[] words,
            SurveyQuestion... questions) {
        try (DeviceScope scope = new DeviceScope(device)) {
            MemorySegment asked = MemorySegment.ofArray(
                    new long[questions.length * SurveyQuestion.BYTES / Long.BYTES]);
            int answerWords = 0;
            for (int i = 0; i < questions.length; i++) {
                questions[i].write(asked, (long) i * SurveyQuestion.BYTES);
                answerWords = Math.max(answerWords,
                        questions[i].answer() + questions[i].answerWords());
            }
            CudaSurvey.Memory memory = new CudaSurvey.Memory(scope.upload(logits),
                    scope.upload(asked.toArray(ValueLayout.JAVA_BYTE)), scope.upload(words),
                    scope.allocate((long) answerWords * Integer.BYTES),
                    scope.allocate(CudaSurvey.scratchBytes(questions.length, vocabulary)),
                    questions.length, vocabulary);
            CudaSurvey survey = new CudaSurvey(device);

            survey.edit(memory, 0, questions.length);
            survey.survey(memory, 0, questions.length);
            survey.restore(memory, 0, questions.length);

            assertThat(scope.floats(memory.logits(), logits.length)).isEqualTo(logits);
            MemorySegment answers = MemorySegment.ofArray(new long[answerWords / 2]);
            MemorySegment.copy(MemorySegment.ofArray(scope.ints(memory.answers(), answerWords)),
                    0, answers, 0, (long) answerWords * Integer.BYTES);
            return Arrays.stream(questions).map(each -> new SurveyAnswer(answers, each)).toList();
        }
    }

    private static SurveyQuestion question(int row, int mask, int wanted, boolean stretch,
            int target, double uniform, int answer) {
        return new SurveyQuestion(row, mask, 0, NO_EDITS, 1, 1.3f, wanted, wanted + 64, answer,
                stretch, false, target, uniform);
    }

    private static float[] logits(Random random, int count) {
        float[] logits = new float[count];
        for (int i = 0; i < count; i++) {
            logits[i] = random.nextInt(20) == 0
                    ? Float.NEGATIVE_INFINITY
                    : random.nextInt(20) == 0
                            ? random.nextInt(5)
                            : (float) (4 * random.nextGaussian());
        }
        return logits;
    }

    @ParameterizedTest
    @ValueSource(ints = {5, 1024, 1025, 32_003, 128_256})
    void aSurveyTellsWhatIsThere(int vocabulary) {
        Random random = new Random(vocabulary);
        float[] logits = logits(random, 2 * vocabulary);
        int[] mask = random.ints(Math.ceilDiv(vocabulary, 32)).toArray();
        mask[0] |= 1;
        logits[vocabulary] = 3;
        int wanted = Math.min(40, vocabulary);
        int target = random.nextInt(vocabulary);
        SurveyQuestion plain = question(0, -1, wanted, false, target, 0, 0);
        SurveyQuestion masked = question(1, 0, wanted, true, -1, 0.7, plain.answerWords());

        List<SurveyAnswer> answers = ask(logits, vocabulary, mask, plain, masked);

        check(answers.getFirst(), Arrays.copyOf(logits, vocabulary), wanted);
        int likelier = 0;
        for (int i = 0; i < vocabulary; i++) {
            likelier += logits[i] > logits[target] ? 1 : 0;
        }
        assertThat(answers.getFirst().likelier()).isEqualTo(likelier);
        assertThat(answers.getFirst().target()).isEqualTo(logits[target]);
        assertThat(answers.getFirst().stretch()).isEqualTo(-1);
        float[] allowed = Arrays.copyOfRange(logits, vocabulary, 2 * vocabulary);
        for (int i = 0; i < vocabulary; i++) {
            allowed[i] = (mask[i / 32] >>> i & 1) == 0 ? Float.NEGATIVE_INFINITY : allowed[i];
        }
        check(answers.getLast(), allowed, wanted);
        checkStretch(answers.getLast(), allowed, 0.7);
    }

    private static double[] weights(float[] logits, float max) {
        float[] exponentials = new float[logits.length];
        CpuKernels.vector().expShifted(logits, 0, logits.length, max, 1.3f, exponentials, 0);
        return IntStream.range(0, logits.length).mapToDouble(i -> exponentials[i]).toArray();
    }

    private static void check(SurveyAnswer answer, float[] logits, int wanted) {
        float[] sorted = logits.clone();
        Arrays.sort(sorted);
        assertThat(answer.max()).isEqualTo(sorted[sorted.length - 1]);
        double total = Arrays.stream(weights(logits, answer.max())).sum();
        assertThat(answer.total()).isCloseTo(total, withinPercentage(1e-11));
        int finite = 0;
        int expected = 0;
        for (float logit : logits) {
            finite += logit > Float.NEGATIVE_INFINITY ? 1 : 0;
            expected += logit > Float.NEGATIVE_INFINITY && logit >= answer.below() ? 1 : 0;
        }
        assertThat(answer.count()).isEqualTo(expected).isBetween(Math.min(finite, wanted),
                wanted + 64);
        int[] told = new int[answer.count()];
        for (int i = 0; i < told.length; i++) {
            told[i] = answer.token(i);
            assertThat(answer.logit(i)).isEqualTo(logits[told[i]])
                    .isGreaterThanOrEqualTo(answer.below());
            assertThat(answer.raw(i)).isEqualTo(answer.logit(i));
        }
        assertThat(told).doesNotHaveDuplicates();
    }

    private static void checkStretch(SurveyAnswer answer, float[] logits, double uniform) {
        double[] weights = weights(logits, answer.max());
        double total = Arrays.stream(weights).sum();
        int end = Math.min(answer.stretch() + CudaSurvey.SEGMENT_TOKENS, logits.length);
        double before = Arrays.stream(weights, 0, answer.stretch()).sum();
        assertThat(answer.before()).isCloseTo(before, within(1e-11 * total));
        assertThat(uniform * total).isBetween(before * (1 - 1e-11),
                (before + Arrays.stream(weights, answer.stretch(), end).sum()) * (1 + 1e-11));
        for (int i = answer.stretch(); i < end; i++) {
            assertThat(answer.stretchLogit(i - answer.stretch())).isEqualTo(logits[i]);
        }
    }

    /** Every draw must see weights that are the processor's to the bit. */
    @Test
    void exponentialsAreThoseOfTheProcessor() {
        Random random = new Random(9);
        float[] logits = new float[2 * 200];
        SurveyQuestion[] questions = new SurveyQuestion[200];
        float[] expected = new float[1];
        for (int i = 0, answer = 0; i < questions.length; i++) {
            logits[2 * i + 1] = -90 * random.nextFloat() * random.nextFloat();
            questions[i] = question(i, -1, 0, false, -1, 0, answer);
            answer += questions[i].answerWords();
        }

        List<SurveyAnswer> answers = ask(logits, 2, new int[1], questions);

        for (int i = 0; i < questions.length; i++) {
            CpuKernels.vector().expShifted(logits, 2 * i + 1, 1, 0, 1.3f, expected, 0);
            assertThat(answers.get(i).total()).isEqualTo(1.0 + expected[0]);
        }
    }

    @Test
    void editsHappenInTheirOrderAndAreUndone() {
        float[] logits = {1, 2, 3, -4, 5, 6, 7, 0.3f};
        float[][] edits = {{0, 0.7f}, {6, 2.5f}, // bias
            {5, 0}, // banned
            {6, 1.5f}, {3, 0}, {5, 1}, {7, 0.1f}, // said
            {6, 0.25f}, // run
            {2, 0}}; // end
        int[] words = new int[edits.length * SurveyQuestion.EDIT_WORDS];
        for (int i = 0; i < edits.length; i++) {
            words[3 * i] = (int) edits[i][0];
            words[3 * i + 1] = Float.floatToRawIntBits(edits[i][1]);
        }
        SurveyQuestion question = new SurveyQuestion(0, -1, 0, new int[]{2, 3, 7, 8, 9}, 1.1f,
                0.5f, 8, 8, 0, true, true, -1, 0.5);

        SurveyAnswer answer = ask(logits, 8, words, question).getFirst();

        float[] expected = {1 + 0.7f, 2, Float.NEGATIVE_INFINITY, -4 * 1.1f, 5,
            Float.NEGATIVE_INFINITY, (7 + 2.5f) / 1.1f - 1.5f - 0.25f, 0.3f / 1.1f - 0.1f};
        assertThat(answer.max()).isEqualTo(expected[6]);
        assertThat(answer.count()).isEqualTo(6);
        assertThat(answer.below()).isEqualTo(Float.NEGATIVE_INFINITY);
        for (int i = 0; i < 6; i++) {
            assertThat(answer.logit(i)).isEqualTo(expected[answer.token(i)]);
            assertThat(answer.raw(i)).isEqualTo(logits[answer.token(i)]);
        }
        assertThat(answer.stretch()).isZero();
        for (int i = 0; i < 8; i++) {
            assertThat(answer.stretchLogit(i)).isEqualTo(expected[i]);
            assertThat(answer.stretchRaw(i)).isEqualTo(logits[i]);
        }
    }

    @Test
    void moreEqualsThanThereIsRoomForAreNotHalfTold() {
        float[] logits = new float[3000];
        Arrays.fill(logits, -0f);
        logits[7] = 0f;
        SurveyAnswer answer = ask(logits, 3000, new int[1],
                question(0, -1, 40, true, -1, 0.9999, 0)).getFirst();

        assertThat(answer.count()).isEqualTo(-1);
        assertThat(answer.total()).isEqualTo(3000);
        assertThat(answer.stretch()).isEqualTo(2048);
        assertThat(answer.before()).isEqualTo(2048);
    }

    @Test
    void warpsThatRunBackwardsTellTheSame() {
        float[] logits = logits(new Random(3), 5000);
        SurveyQuestion question = question(0, -1, 100, true, 17, 0.3, 0);
        SurveyAnswer forwards = ask(logits, 5000, new int[1], question).getFirst();
        long before = EmulatedDriver.set("reverse", 1);
        try {
            SurveyAnswer backwards = ask(logits, 5000, new int[1], question).getFirst();
            assertThat(IntStream.range(0, backwards.count()).map(backwards::token).sorted())
                    .containsExactly(IntStream.range(0, forwards.count()).map(forwards::token)
                            .sorted().boxed().toArray(Integer[]::new));
            assertThat(backwards.total()).isEqualTo(forwards.total());
            assertThat(backwards.before()).isEqualTo(forwards.before());
            assertThat(backwards.likelier()).isEqualTo(forwards.likelier());
        } finally {
            EmulatedDriver.set("reverse", before);
        }
    }
}
