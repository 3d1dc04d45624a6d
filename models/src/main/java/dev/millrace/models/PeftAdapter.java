package dev.millrace.models;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.models.RopeSpec.Layout;
import dev.millrace.models.safetensors.SafetensorsFile;
import dev.millrace.models.safetensors.SafetensorsFolder;
import dev.millrace.models.safetensors.SafetensorsTensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads an adapter from a directory as PEFT writes it. */
final class PeftAdapter {

    private static final String WEIGHTS = "adapter_model.safetensors";
    private static final List<String> PICKLED = List.of("adapter_model.bin", "adapter_model.pt");

    /** {@code base_model.model.} MODULE {@code .lora_A.weight}; old versions name the adapter. */
    private static final Pattern TENSOR = Pattern
            .compile("base_model\\.model\\.(.+)\\.lora_([AB])(?:\\.default)?\\.weight");
    /** A module of a text model, which may be a part of another. */
    private static final Pattern MODULE = Pattern.compile(
            "(?:model|language_model\\.model|model\\.language_model)\\.layers\\.(\\d{1,6})\\.(.+)");

    /** What transformers calls the projections; some families fuse several. */
    private static final Map<String, List<WeightRole>> ROLES = Map.of(
            "self_attn.q_proj", List.of(WeightRole.QUERY),
            "self_attn.k_proj", List.of(WeightRole.KEY),
            "self_attn.v_proj", List.of(WeightRole.VALUE),
            "self_attn.qkv_proj", List.of(WeightRole.QUERY, WeightRole.KEY, WeightRole.VALUE),
            "self_attn.o_proj", List.of(WeightRole.ATTENTION_OUTPUT),
            "mlp.gate_proj", List.of(WeightRole.GATE),
            "mlp.up_proj", List.of(WeightRole.UP),
            "mlp.gate_up_proj", List.of(WeightRole.GATE, WeightRole.UP),
            "mlp.down_proj", List.of(WeightRole.DOWN));

    private PeftAdapter() {}

    static LoraAdapter open(Path directory, ModelSpec base) {
        PeftConfig config = PeftConfig.read(directory);
        Path weights = directory.resolve(WEIGHTS);
        if (!Files.exists(weights)) {
            PICKLED.stream().map(directory::resolve).filter(Files::exists)
                    .forEach(SafetensorsFolder::refusePickle);
        }
        SafetensorsFile file = SafetensorsFile.open(weights);
        LoraAdapter adapter = null;
        try {
            LoraCollector collector = new LoraCollector(file.source(), base, Layout.HALVES);
            List<String> others = new ArrayList<>();
            for (SafetensorsTensor tensor : file.tensors()) {
                if (!add(collector, file, tensor)) {
                    others.add(tensor.name());
                }
            }
            refuseOthers(file.source(), others);
            adapter = new LoraAdapter(directory.toString(), collector.collect(config::scale),
                    file::close);
            return adapter;
        } finally {
            if (adapter == null) {
                file.close();
            }
        }
    }

    private static boolean add(LoraCollector collector, SafetensorsFile file,
            SafetensorsTensor tensor) {
        Matcher name = TENSOR.matcher(tensor.name());
        if (!name.matches()) {
            return false;
        }
        Matcher module = MODULE.matcher(name.group(1));
        if (!module.matches() || !ROLES.containsKey(module.group(2))) {
            return false;
        }
        QuantFormat format = tensor.type().format().orElseThrow(() -> new ModelException(
                file.source() + ": tensor " + tensor.name() + " is " + tensor.type()
                        + "; LoRA matrices are F32, F16 or BF16"));
        collector.add(name.group(1), ROLES.get(module.group(2)),
                Integer.parseInt(module.group(1)), name.group(2).equals("A"),
                QuantTensor.of(format, tensor.shape(), file.data(tensor)));
        return true;
    }

    /** A change that nobody applies would be another model than its author's. */
    static void refuseOthers(String source, List<String> others) {
        if (!others.isEmpty()) {
            throw new ModelException(source + " has " + others.size() + " tensors that this"
                    + " version does not apply: "
                    + TensorNames.some(others).replaceAll("\\p{Cntrl}", "?")
                    + "; it applies LoRA matrices of attention and of dense feed-forward"
                    + " networks, not of experts, embeddings, norms or the output");
        }
    }
}
