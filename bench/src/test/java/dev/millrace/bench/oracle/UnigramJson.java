package dev.millrace.bench.oracle;

import dev.millrace.models.gguf.GgufArray;
import dev.millrace.models.gguf.GgufFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** The unigram vocabulary of a GGUF file as the tokenizer.json that XLM-RoBERTa has. */
final class UnigramJson {

    private static final int CONTROL = 3;
    private static final int UNKNOWN = 2;

    private UnigramJson() {}

    static Path write(Path gguf, Path folder) throws IOException {
        ObjectNode root = JsonMapper.shared().createObjectNode();
        try (GgufFile file = GgufFile.open(gguf)) {
            GgufArray pieces = array(file, "tokens");
            GgufArray scores = array(file, "scores");
            GgufArray kinds = array(file, "token_type");
            ObjectNode model = root.putObject("model").put("type", "Unigram");
            ArrayNode vocabulary = model.putArray("vocab");
            for (int token = 0; token < pieces.size(); token++) {
                String piece = (String) pieces.get(token);
                vocabulary.addArray().add(piece).add((Double) scores.get(token));
                long kind = (Long) kinds.get(token);
                if (kind == UNKNOWN) {
                    model.put("unk_id", token);
                }
                if (kind == UNKNOWN || kind == CONTROL) {
                    root.withArray("added_tokens").addObject().put("id", token)
                            .put("content", piece).put("special", true).put("normalized", false)
                            .put("single_word", false).put("lstrip", false).put("rstrip", false);
                }
            }
            GgufArray map = array(file, "precompiled_charsmap");
            byte[] bytes = new byte[map.size()];
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = ((Long) map.get(i)).byteValue();
            }
            root.putObject("normalizer").put("type", "Precompiled").put("precompiled_charsmap",
                    Base64.getEncoder().encodeToString(bytes));
        }
        ArrayNode stages = root.put("version", "1.0").putObject("pre_tokenizer")
                .put("type", "Sequence").putArray("pretokenizers");
        stages.addObject().put("type", "WhitespaceSplit");
        stages.addObject().put("type", "Metaspace").put("replacement", "\u2581")
                .put("prepend_scheme", "always").put("split", true);
        root.putObject("decoder").put("type", "Metaspace").put("replacement", "\u2581")
                .put("prepend_scheme", "always").put("split", true);
        root.putNull("truncation").putNull("padding").putNull("post_processor");
        return Files.writeString(folder.resolve("tokenizer.json"), root.toString());
    }

    private static GgufArray array(GgufFile file, String name) {
        return file.metadata().array("tokenizer.ggml." + name).orElseThrow();
    }
}
