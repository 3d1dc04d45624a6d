package dev.millrace.models.safetensors;

import java.util.List;
import java.util.Locale;
import tools.jackson.databind.JsonNode;

/**
 * What {@code quantization_config} says that the tensors do not.
 *
 * @param bits         of GPTQ's and AWQ's codes
 * @param groupColumns of GPTQ's and AWQ's groups; 0 for whole rows
 * @param addedToZero  1 where GPTQ stores zero points less one
 * @param blockRows    of FP8 blocks of scales
 * @param blockColumns of FP8 blocks of scales
 */
record QuantizationConfig(Method method, int bits, long groupColumns, int addedToZero,
        long blockRows, long blockColumns) {

    enum Method {
        GPTQ,
        AWQ,
        FP8,
        COMPRESSED_TENSORS,
        MXFP4
    }

    static final String READ_METHODS = "gptq, awq, fp8, fbgemm_fp8, mxfp4 and"
            + " compressed-tensors";
    private static final long USUAL_BLOCK = 128;
    private static final long MOST_EXTENT = 1 << 24;

    /** @throws SafetensorsException if weights are quantised in a way that is not read */
    static QuantizationConfig read(JsonNode json, String source) {
        String name = json.path("quant_method").asString("");
        return switch (name) {
            case "gptq" -> gptq(json, source);
            case "awq" -> awq(json, source);
            case "fp8", "fbgemm_fp8" -> {
                JsonNode block = json.path("weight_block_size");
                yield new QuantizationConfig(Method.FP8, 8, 0, 0, extent(block.path(0), source),
                        extent(block.path(1), source));
            }
            case "compressed-tensors" -> compressed(json, source);
            case "mxfp4" -> new QuantizationConfig(Method.MXFP4, 4, 0, 0, USUAL_BLOCK, USUAL_BLOCK);
            default -> throw refuse(source, "by " + Quoted.text(name) + "; read are "
                    + READ_METHODS);
        };
    }

    private static QuantizationConfig gptq(JsonNode json, String source) {
        int bits = json.path("bits").asInt(0);
        if (bits != 4 && bits != 8) {
            throw refuse(source, "by GPTQ to " + bits + " bits; read are 4 and 8");
        }
        String version = json.path("checkpoint_format").asString("gptq");
        if (!List.of("gptq", "gptq_v2").contains(version)) {
            throw refuse(source, "by GPTQ in the format " + Quoted.text(version)
                    + "; read are gptq and gptq_v2");
        }
        return new QuantizationConfig(Method.GPTQ, bits, groupSize(json, "group_size", source),
                version.equals("gptq") ? 1 : 0, USUAL_BLOCK, USUAL_BLOCK);
    }

    private static QuantizationConfig awq(JsonNode json, String source) {
        int bits = json.path("bits").asInt(json.path("w_bit").asInt(4));
        String version = json.path("version").asString("gemm").toLowerCase(Locale.ROOT);
        if (bits != 4 || !version.equals("gemm")) {
            throw refuse(source, "by AWQ to " + bits + " bits in the version "
                    + Quoted.text(version) + "; read is gemm with 4 bits");
        }
        String key = json.has("q_group_size") ? "q_group_size" : "group_size";
        return new QuantizationConfig(Method.AWQ, bits, groupSize(json, key, source), 0,
                USUAL_BLOCK, USUAL_BLOCK);
    }

    private static QuantizationConfig compressed(JsonNode json, String source) {
        String format = json.path("format").asString("");
        if (!List.of("pack-quantized", "int-quantized", "float-quantized", "naive-quantized",
                "dense").contains(format)) {
            throw refuse(source, "by compressed-tensors in the format " + Quoted.text(format)
                    + "; read are pack-quantized, int-quantized, float-quantized and"
                    + " naive-quantized");
        }
        JsonNode block = json.path("config_groups").path("group_0").path("weights")
                .path("block_structure");
        return new QuantizationConfig(Method.COMPRESSED_TENSORS, 0, 0, 0,
                extent(block.path(0), source), extent(block.path(1), source));
    }

    private static long groupSize(JsonNode json, String key, String source) {
        long columns = json.path(key).asLong(USUAL_BLOCK);
        if (columns == -1) {
            return 0;
        }
        if (columns < 1 || columns > MOST_EXTENT) {
            throw refuse(source, "in groups of " + columns + " columns");
        }
        return columns;
    }

    private static long extent(JsonNode json, String source) {
        long extent = json.asLong(USUAL_BLOCK);
        if (extent < 1 || extent > MOST_EXTENT) {
            throw refuse(source, "in blocks of " + extent);
        }
        return extent;
    }

    private static SafetensorsException refuse(String source, String how) {
        return new SafetensorsException(source + " is quantised " + how
                + "; take a GGUF file of the model, or one in F16 or BF16");
    }
}
