package dev.millrace.kernels.cuda;

/**
 * The kernels that answer questions about rows of logits in few numbers, so that the rows stay on
 * the device. Each method returns as soon as the kernels are queued; nothing is decided between
 * them, and all that a question says is in device memory.
 */
public final class CudaSurvey {

    /** Tokens that one block of threads looks at, and of a stretch. */
    public static final int SEGMENT_TOKENS = 1024;

    private static final int ROW_THREADS = 256;
    private static final int COUNT_BYTES = 2 * 2048 * Integer.BYTES;

    private final CudaFunction edit;
    private final CudaFunction[] survey;
    private final CudaFunction restore;

    public CudaSurvey(CudaDevice device) {
        edit = device.function("editLogits");
        survey = new CudaFunction[]{device.function("surveyMaxima"),
            device.function("surveyWeights"), device.function("surveyDigits"),
            device.function("surveyCollect")};
        restore = device.function("restoreLogits");
    }

    /**
     * Where everything is on the device.
     *
     * @param logits    (rows, vocabulary)
     * @param questions {@link SurveyQuestion#BYTES} each
     * @param words     masks and edits
     * @param answers   as the questions say
     * @param scratch   {@link #scratchBytes}
     * @param most      questions that the scratch memory is for
     */
    public record Memory(long logits, long questions, long words, long answers, long scratch,
            int most, int vocabulary) {

        private CudaFunction write(CudaFunction function, int first) {
            int segments = segments(vocabulary);
            long sums = scratch + (long) most * COUNT_BYTES;
            long maxima = sums + (long) most * segments * Double.BYTES;
            return function.begin().with(logits).with(questions).with(words).with(answers)
                    .with(maxima).with(sums).with(scratch).with(vocabulary).with(first);
        }
    }

    private static int segments(int vocabulary) {
        return Math.ceilDiv(vocabulary, SEGMENT_TOKENS);
    }

    /** Scratch memory for so many questions, in bytes. */
    public static long scratchBytes(int questions, int vocabulary) {
        return questions * (COUNT_BYTES
                + (long) segments(vocabulary) * (Double.BYTES + Float.BYTES));
    }

    /** Answers questions {@code first} to {@code first + count - 1}. */
    public void survey(Memory memory, int first, int count) {
        for (CudaFunction each : survey) {
            if (count > 0) {
                memory.write(each, first).launch(segments(memory.vocabulary()), count, 1,
                        ROW_THREADS, 0);
            }
        }
    }

    /** Does the edits of some questions; no two may speak of one row. */
    public void edit(Memory memory, int first, int count) {
        memory.write(edit, first).launch(count, 1, 1, ROW_THREADS, 0);
    }

    /** Undoes {@link #edit}, and adds what logits were to answers that want it. */
    public void restore(Memory memory, int first, int count) {
        memory.write(restore, first).launch(count, 1, 1, ROW_THREADS, 0);
    }
}
