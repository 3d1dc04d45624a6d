package dev.millrace.bench.synth;

import dev.millrace.models.AttentionSpec;
import dev.millrace.models.ExpertSpec;
import dev.millrace.models.FamilySpecs;
import dev.millrace.models.FeedForwardSpec;
import dev.millrace.models.LayerSpec;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.RopeScaling;
import dev.millrace.models.RopeSpec;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Sizes of a model to be made up: a published model's, settings such as {@code layers=2}, or the
 * first with some of the second, all joined by commas.
 */
public final class ModelShape {

    private static final float YARN_BETA_FAST = 32;
    private static final float YARN_BETA_SLOW = 1;

    /** Every setting with what it is where nobody says; null where somebody must. */
    private static final Map<String, String> DEFAULTS = new LinkedHashMap<>();

    private static final Map<String, String> NAMED = new LinkedHashMap<>();

    static {
        String[] defaults = {"layers", null, "embedding", null, "feed_forward", null, "heads", null,
            "kv_heads", "", "head_size", "", "vocabulary", "32000", "context", "8192", "rope_base",
            "10000", "epsilon", "1e-5", "tied", "false", "architecture", "llama", "window", "",
            "experts", "", "chosen", "2", "shared", "", "rope_scaling", "none", "rope_factor", "8",
            "rope_original", "1024"};
        for (int i = 0; i < defaults.length; i += 2) {
            DEFAULTS.put(defaults[i], defaults[i + 1]);
        }
        NAMED.put("llama-135m", "layers=30,embedding=576,feed_forward=1536,heads=9,kv_heads=3,"
                + "vocabulary=49152,context=8192,rope_base=100000,tied=true");
        NAMED.put("tinyllama", "layers=22,embedding=2048,feed_forward=5632,heads=32,kv_heads=4,"
                + "vocabulary=32000,context=2048");
        NAMED.put("llama-1b", "layers=16,embedding=2048,feed_forward=8192,heads=32,kv_heads=8,"
                + "vocabulary=128256,context=131072,rope_base=500000,tied=true");
        NAMED.put("llama-3b", "layers=28,embedding=3072,feed_forward=8192,heads=24,kv_heads=8,"
                + "vocabulary=128256,context=131072,rope_base=500000,tied=true");
        NAMED.put("llama-7b", "layers=32,embedding=4096,feed_forward=11008,heads=32,kv_heads=32,"
                + "vocabulary=32000,context=4096");
        NAMED.put("llama-8b", "layers=32,embedding=4096,feed_forward=14336,heads=32,kv_heads=8,"
                + "vocabulary=128256,context=131072,rope_base=500000");
    }

    private final String text;
    private final Map<String, String> settings = new LinkedHashMap<>(DEFAULTS);

    private ModelShape(String text) {
        this.text = text;
    }

    /** The names of published shapes. */
    public static Set<String> names() {
        return NAMED.keySet();
    }

    /** Whether a text means to be a shape, and no file or stored model. */
    public static boolean isShape(String text) {
        String first = text.split(",", 2)[0];
        int equals = first.indexOf('=');
        return NAMED.containsKey(first)
                || equals > 0 && DEFAULTS.containsKey(first.substring(0, equals));
    }

    /**
     * Reads a shape.
     *
     * @throws IllegalArgumentException if it names what does not exist, or its sizes do not fit
     *                                  each other
     */
    public static ModelSpec parse(String text) {
        ModelShape shape = new ModelShape(text);
        shape.read(text, true);
        return shape.spec();
    }

    private void read(String list, boolean mayName) {
        for (String part : list.split(",", -1)) {
            int equals = part.indexOf('=');
            if (equals < 0 && mayName && NAMED.containsKey(part)) {
                read(NAMED.get(part), false);
            } else if (equals > 0 && DEFAULTS.containsKey(part.substring(0, equals))) {
                settings.put(part.substring(0, equals), part.substring(equals + 1));
            } else {
                throw new IllegalArgumentException("\"" + part + "\" in the shape \"" + text
                        + "\" is neither a name (" + String.join(", ", names())
                        + ") nor a setting (" + String.join("=, ", DEFAULTS.keySet()) + "=)");
            }
        }
    }

    private ModelSpec spec() {
        int embedding = size("embedding");
        int heads = size("heads");
        int kvHeads = settings.get("kv_heads").isEmpty() ? heads : size("kv_heads");
        if (heads % kvHeads != 0) {
            throw wrong("kv_heads", kvHeads, "a divisor of the " + heads + " query heads");
        }
        if (settings.get("head_size").isEmpty() && embedding % heads != 0) {
            throw wrong("heads", heads, "a divisor of the embedding's " + embedding
                    + " elements, or head_size must be given");
        }
        int headSize = settings.get("head_size").isEmpty() ? embedding / heads : size("head_size");
        if (headSize % 2 != 0) {
            throw wrong("head_size", headSize, "even: positions rotate pairs of elements");
        }
        int vocabulary = size("vocabulary");
        if (vocabulary < PlaceholderVocabulary.LEAST_SIZE) {
            throw wrong("vocabulary", vocabulary, "at least " + PlaceholderVocabulary.LEAST_SIZE
                    + ": special tokens and one per byte");
        }
        LayerSpec layer = new LayerSpec(new RopeSpec(RopeSpec.Layout.ADJACENT, headSize,
                number("rope_base"), scaling(headSize)), network());
        ModelSpec sizes = ModelSpec.uniform(given("architecture"), text, vocabulary,
                size("context"), embedding,
                number("epsilon"), AttentionSpec.of(heads, kvHeads, headSize), size("layers"),
                layer).withTiedEmbeddings(flag("tied"));
        return FamilySpecs.of(given("architecture"), sizes,
                given("window").isEmpty() ? 0 : size("window"));
    }

    private FeedForwardSpec network() {
        FeedForwardSpec network = FeedForwardSpec.dense(size("feed_forward"));
        if (given("experts").isEmpty()) {
            if (FamilySpecs.hasExperts(given("architecture"))) {
                throw wrong("experts", "missing", "given for " + given("architecture"));
            }
            return network;
        }
        int shared = given("shared").isEmpty() ? 0 : size("shared");
        return network.withExperts(ExpertSpec.of(size("experts"), size("chosen"))
                .withSharedSize(shared));
    }

    private RopeScaling scaling(int headSize) {
        float factor = number("rope_factor");
        int original = size("rope_original");
        return switch (given("rope_scaling")) {
            case "none" -> RopeScaling.NONE;
            case "linear" -> new RopeScaling.Linear(factor);
            case "yarn" -> new RopeScaling.Yarn(factor, original, YARN_BETA_FAST, YARN_BETA_SLOW,
                    RopeScaling.yarnAmplitude(factor), true);
            case "divisors" -> new RopeScaling.Divisors(divisors(headSize / 2, factor));
            case "longrope" -> new RopeScaling.LongRope(divisors(headSize / 2, 1),
                    divisors(headSize / 2, factor), original,
                    RopeScaling.longRopeAmplitude(factor, original));
            default -> throw wrong("rope_scaling", given("rope_scaling"),
                    "none, linear, yarn, divisors or longrope");
        };
    }

    /** From 1 for the fastest pair to a factor for the slowest. */
    private static List<Float> divisors(int pairs, float factor) {
        return IntStream.range(0, pairs)
                .mapToObj(pair -> (float) Math.pow(factor, (pair + 1.0) / pairs)).toList();
    }

    private int size(String key) {
        String value = given(key);
        try {
            int size = Integer.parseInt(value);
            if (size > 0) {
                return size;
            }
        } catch (NumberFormatException e) {
            throw wrong(key, value, "a positive whole number");
        }
        throw wrong(key, value, "a positive whole number");
    }

    private float number(String key) {
        String value = given(key);
        try {
            float number = Float.parseFloat(value);
            if (number > 0 && Float.isFinite(number)) {
                return number;
            }
        } catch (NumberFormatException e) {
            throw wrong(key, value, "a positive number");
        }
        throw wrong(key, value, "a positive number");
    }

    private boolean flag(String key) {
        return switch (given(key)) {
            case "true" -> true;
            case "false" -> false;
            default -> throw wrong(key, given(key), "true or false");
        };
    }

    private String given(String key) {
        String value = settings.get(key);
        if (value == null) {
            throw new IllegalArgumentException("the shape \"" + text + "\" lacks " + key
                    + "=; give it, or start with a name: " + String.join(", ", names()));
        }
        return value;
    }

    private IllegalArgumentException wrong(String key, Object value, String allowed) {
        return new IllegalArgumentException(key + " in the shape \"" + text + "\" is " + value
                + "; it must be " + allowed);
    }
}
