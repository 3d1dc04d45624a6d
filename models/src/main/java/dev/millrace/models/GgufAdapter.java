package dev.millrace.models;

import dev.millrace.models.gguf.GgufFile;
import dev.millrace.models.gguf.GgufMetadata;
import dev.millrace.models.gguf.GgufTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads an adapter from a GGUF file as llama.cpp's converter writes it. */
final class GgufAdapter {

    private static final String TYPE_KEY = "general.type";
    private static final String TYPE = "adapter";
    private static final String KIND_KEY = "adapter.type";
    private static final String ARCHITECTURE_KEY = "general.architecture";
    private static final String ALPHA_KEY = "adapter.lora.alpha";
    private static final String INVOCATION_KEY = "adapter.alora.invocation_tokens";
    private static final String A = ".lora_a";
    private static final String B = ".lora_b";

    /** A tensor of the base model that adapters may change. */
    private record Target(List<WeightRole> roles, int layer) {}

    private final GgufFile file;
    private final GgufMetadata metadata;
    private final ModelSpec base;
    private final ModelFamily family;

    private GgufAdapter(GgufFile file, ModelSpec base) {
        this.file = file;
        this.metadata = file.metadata();
        this.base = base;
        String architecture = GgufModelWriter.inFileWords(base).architecture();
        this.family = ModelFamily.of(architecture).orElseThrow(() -> new ModelException(
                base.name() + " is of the architecture " + architecture
                        + ", which has no GGUF adapters"));
    }

    /** Whether a file says that it is an adapter and no model. */
    static boolean isIn(GgufFile file) {
        return file.metadata().string(TYPE_KEY).filter(TYPE::equals).isPresent();
    }

    static LoraAdapter open(Path path, ModelSpec base) {
        GgufFile file = GgufFile.open(path);
        LoraAdapter adapter = null;
        try {
            adapter = new GgufAdapter(file, base).read();
            return adapter;
        } finally {
            if (adapter == null) {
                file.close();
            }
        }
    }

    private LoraAdapter read() {
        if (!isIn(file)) {
            throw metadata.wrong(TYPE_KEY, metadata.string(TYPE_KEY).orElse("absent"),
                    "\"" + TYPE + "\" for a LoRA adapter; this file is a model");
        }
        String kind = metadata.string(KIND_KEY).orElse("lora");
        if (!kind.equals("lora")) {
            throw metadata.wrong(KIND_KEY, kind, "\"lora\", the only kind that this version"
                    + " applies");
        }
        if (metadata.has(INVOCATION_KEY)) {
            throw new ModelException(file.source() + " begins in the middle of a prompt (aLoRA), "
                    + "which this version does not apply");
        }
        String architecture = metadata.requiredString(ARCHITECTURE_KEY);
        if (!architecture.equals(family.architecture())) {
            throw metadata.wrong(ARCHITECTURE_KEY, architecture, "\"" + family.architecture()
                    + "\", which " + base.name() + " is; the adapter was made for another base"
                    + " model, so serve it with that one");
        }
        LoraCollector collector = new LoraCollector(file.source(), base, family.ropeLayout());
        addAll(collector);
        double alpha = alpha();
        return new LoraAdapter(file.source(), collector.collect(
                (target, rank) -> alpha == 0 ? 1 : (float) (alpha / rank)), file::close);
    }

    private void addAll(LoraCollector collector) {
        Map<String, Target> targets = targets();
        List<String> others = new ArrayList<>();
        for (GgufTensor tensor : file.tensors()) {
            boolean first = tensor.name().endsWith(A);
            boolean second = tensor.name().endsWith(B);
            String name = tensor.name().substring(0, tensor.name().length() - A.length()
                    * (first || second ? 1 : 0));
            Target target = targets.get(name);
            if (target == null || !first && !second) {
                others.add(tensor.name());
            } else {
                collector.add(name, target.roles(), target.layer(), first,
                        GgufWeights.read(file, tensor));
            }
        }
        PeftAdapter.refuseOthers(file.source(), others);
    }

    /** Every tensor that may be changed, in layers that the base lacks too: to say so. */
    private Map<String, Target> targets() {
        Map<String, Target> targets = new HashMap<>();
        int layers = base.layers() + file.tensors().size();
        for (int layer = 0; layer < layers; layer++) {
            for (WeightRole role : LoraAdapter.ROLES) {
                targets.put(GgufNames.of(family, role, layer),
                        new Target(GgufNames.fused(family, role), layer));
            }
        }
        return targets;
    }

    /** Over the rank it is the factor; 0, or none, stands for a factor of 1. */
    private double alpha() {
        Object value = metadata.asMap().getOrDefault(ALPHA_KEY, 0.0);
        if (!(value instanceof Double number) || !(number >= 0 && number <= Float.MAX_VALUE)) {
            throw metadata.wrong(ALPHA_KEY, value, "a number from 0 on");
        }
        return number;
    }
}
