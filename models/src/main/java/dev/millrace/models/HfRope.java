package dev.millrace.models;

import java.util.Optional;

/**
 * Reads rotary position embeddings from a {@code config.json}: of {@code rope_parameters}, for all
 * layers or by type of layer, as transformers 5 writes them, or of {@code rope_theta} and
 * {@code rope_scaling}, as earlier ones did.
 */
final class HfRope {

    private static final float DEFAULT_BETA_FAST = 32;
    private static final float DEFAULT_BETA_SLOW = 1;

    private final HfConfig config;
    private final HfFamily family;
    private final int headSize;

    HfRope(HfConfig config, HfFamily family, int headSize) {
        this.config = config;
        this.family = family;
        this.headSize = headSize;
    }

    /** Of layers that look back all the way. */
    RopeSpec everywhere() {
        Optional<HfConfig> parameters = config.part("rope_parameters");
        if (parameters.isPresent()) {
            return rope(parameters.get().part("full_attention").orElse(parameters.get()));
        }
        float base = config.positive("rope_theta").orElse(ModelFamily.DEFAULT_ROPE_BASE);
        RopeSpec plain = new RopeSpec(RopeSpec.Layout.HALVES, dimensions(config), base);
        return config.part("rope_scaling")
                .map(scaling -> plain.withScaling(scaling(scaling, plain.dimensions())))
                .orElse(plain);
    }

    /** Of layers with a window. */
    RopeSpec inWindow() {
        Optional<HfConfig> parameters = config.part("rope_parameters")
                .flatMap(all -> all.part("sliding_attention"));
        if (parameters.isPresent()) {
            return rope(parameters.get());
        }
        if (family == HfFamily.GEMMA3 && !config.has("rope_parameters")) {
            return new RopeSpec(RopeSpec.Layout.HALVES, dimensions(config),
                    config.positive("rope_local_base_freq").orElse(ModelFamily.DEFAULT_ROPE_BASE));
        }
        return everywhere();
    }

    private RopeSpec rope(HfConfig parameters) {
        int dimensions = dimensions(parameters.has("partial_rotary_factor") ? parameters : config);
        float base = parameters.positive("rope_theta")
                .or(() -> config.positive("rope_theta")).orElse(ModelFamily.DEFAULT_ROPE_BASE);
        return new RopeSpec(RopeSpec.Layout.HALVES, dimensions, base,
                scaling(parameters, dimensions));
    }

    private int dimensions(HfConfig from) {
        int dimensions = (int) (headSize * from.positive("partial_rotary_factor").orElse(1f));
        if (dimensions < 2 || dimensions > headSize || dimensions % 2 != 0) {
            throw from.wrong("partial_rotary_factor",
                    "such that an even number of a head's " + headSize + " elements rotates");
        }
        return dimensions;
    }

    private RopeScaling scaling(HfConfig parameters, int dimensions) {
        String typeKey = parameters.has("rope_type") ? "rope_type" : "type";
        return switch (parameters.text(typeKey).orElse("default")) {
            case "default" -> RopeScaling.NONE;
            case "linear" -> new RopeScaling.Linear(parameters.requiredPositive("factor"));
            case "llama3" -> new RopeScaling.Llama3(parameters.requiredPositive("factor"),
                    parameters.requiredPositive("low_freq_factor"),
                    parameters.requiredPositive("high_freq_factor"),
                    parameters.requiredSize("original_max_position_embeddings"));
            case "yarn" -> yarn(parameters);
            case "longrope", "su" -> longRope(parameters, dimensions);
            default -> throw parameters.wrong(typeKey,
                    "\"default\", \"linear\", \"llama3\", \"yarn\" or \"longrope\"");
        };
    }

    private RopeScaling yarn(HfConfig parameters) {
        int original = originalTokens(parameters);
        float factor = parameters.positive("factor")
                .orElseGet(() -> (float) contextTokens() / original);
        float amplitude = parameters.positive("attention_factor").orElseGet(() -> {
            Optional<Float> mscale = parameters.positive("mscale");
            Optional<Float> all = parameters.positive("mscale_all_dim");
            return mscale.isPresent() && all.isPresent()
                    ? amplitude(factor, mscale.get()) / amplitude(factor, all.get())
                    : RopeScaling.yarnAmplitude(factor);
        });
        return new RopeScaling.Yarn(factor, original,
                parameters.positive("beta_fast").orElse(DEFAULT_BETA_FAST),
                parameters.positive("beta_slow").orElse(DEFAULT_BETA_SLOW), amplitude,
                parameters.flag("truncate", true));
    }

    private static float amplitude(float factor, float scale) {
        return factor <= 1 ? 1 : (float) (0.1 * scale * Math.log(factor) + 1);
    }

    private RopeScaling longRope(HfConfig parameters, int dimensions) {
        int original = originalTokens(parameters);
        float factor = parameters.positive("factor")
                .orElseGet(() -> (float) contextTokens() / original);
        return new RopeScaling.LongRope(parameters.positives("short_factor", dimensions / 2),
                parameters.positives("long_factor", dimensions / 2), original,
                parameters.positive("attention_factor")
                        .orElseGet(() -> RopeScaling.longRopeAmplitude(factor, original)));
    }

    private int originalTokens(HfConfig parameters) {
        return parameters.size("original_max_position_embeddings")
                .or(() -> config.size("original_max_position_embeddings"))
                .orElseGet(this::contextTokens);
    }

    private int contextTokens() {
        return config.requiredSize("max_position_embeddings");
    }
}
