package dev.millrace.models.template;

/**
 * What a template may use. Templates come with model files and conversations with requests: both
 * are strangers, and whatever they do must end in a {@link TemplateException}.
 */
final class TemplateLimits {

    /** Characters of template source; the longest published templates have about 20,000. */
    static final int SOURCE_CHARS = 1 << 20;

    /** Brackets and blocks that may be open at once while a template is parsed. */
    static final int NESTING = 100;

    /** Evaluation steps of one rendering; a hundred messages take about ten thousand. */
    static final long STEPS = 10_000_000;

    /** Characters that one step compares. */
    static final int CHARS_PER_STEP = 64;

    /** Steps that one directive of {@code strftime_now} costs. */
    static final int STEPS_PER_DIRECTIVE = 20;

    /** Characters that one rendering may copy, from text to text and to the output. */
    static final long COPIED_CHARS = 128L << 20;

    /** Characters of a number, in a template or in a text that a filter turns into one. */
    static final int NUMBER_CHARS = 100;

    /**
     * Evaluations, calls and values inside one another. A level takes up to three Java frames, so
     * this fits a stack of half a mebibyte.
     */
    static final int DEPTH = 800;

    /** Characters of any one text, the output among them. */
    static final int TEXT_CHARS = 8 << 20;

    /** Items of any one list. */
    static final int LIST_ITEMS = 1 << 20;

    /** Items of {@code range()}; Jinja's sandbox has the same limit. */
    static final int RANGE_ITEMS = 100_000;

    /** Characters of an error's message. */
    static final int MESSAGE_CHARS = 2000;

    private TemplateLimits() {}
}
