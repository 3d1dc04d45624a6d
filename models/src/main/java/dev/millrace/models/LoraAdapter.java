package dev.millrace.models;

import dev.millrace.models.gguf.GgufException;
import dev.millrace.models.safetensors.SafetensorsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A LoRA adapter, opened for one base model and checked against it: low-rank changes of projections
 * of attention and of dense feed-forward networks. Its matrices are borrowed from the files until
 * it is closed.
 */
public final class LoraAdapter implements AutoCloseable {

    /** The roles that an adapter may change. */
    public static final Set<WeightRole> ROLES = Set.of(WeightRole.QUERY, WeightRole.KEY,
            WeightRole.VALUE, WeightRole.ATTENTION_OUTPUT, WeightRole.GATE, WeightRole.UP,
            WeightRole.DOWN);

    private final String source;
    private final Map<Place, LoraPair> pairs;
    private final Runnable closing;

    /** Where a pair belongs. */
    record Place(WeightRole role, int layer) {}

    /** @param closing unmaps the files */
    LoraAdapter(String source, Map<Place, LoraPair> pairs, Runnable closing) {
        this.source = source;
        this.pairs = Map.copyOf(pairs);
        AtomicBoolean closed = new AtomicBoolean();
        this.closing = () -> {
            if (!closed.getAndSet(true)) {
                closing.run();
            }
        };
    }

    /**
     * Opens a directory as PEFT writes it ({@code adapter_config.json} and
     * {@code adapter_model.safetensors}), or a GGUF file whose {@code general.type} is
     * {@code adapter}.
     *
     * @param base the model that it is to change
     * @throws ModelException if there is no such adapter, it is damaged, was made for another
     *                        model, or changes something that this version does not compute
     */
    public static LoraAdapter open(Path path, ModelSpec base) {
        try {
            return Files.isDirectory(path)
                    ? PeftAdapter.open(path, base)
                    : GgufAdapter.open(path, base);
        } catch (GgufException | SafetensorsException e) {
            throw new ModelException(e.getMessage(), e);
        }
    }

    /** What to throw where a model is wanted. */
    static ModelException noModel(String source) {
        return new ModelException(source + " is a LoRA adapter and no model; name its base model,"
                + " and the adapter with --lora");
    }

    /**
     * The same adapter for several owners: the files are unmapped when all of them have closed
     * theirs, or whoever has this one closes it.
     *
     * @param owners at least 1
     */
    public List<LoraAdapter> shared(int owners) {
        AtomicInteger open = new AtomicInteger(owners);
        List<LoraAdapter> shares = new ArrayList<>();
        for (int i = 0; i < owners; i++) {
            shares.add(new LoraAdapter(source, pairs, () -> {
                if (open.decrementAndGet() == 0) {
                    close();
                }
            }));
        }
        return shares;
    }

    /** What to call it in messages. */
    public String source() {
        return source;
    }

    /** What it adds to a projection; null if it leaves that as it is. */
    public LoraPair find(WeightRole role, int layer) {
        return pairs.get(new Place(role, layer));
    }

    /** The widest of its pairs. */
    public int rank() {
        return pairs.values().stream().mapToInt(LoraPair::rank).max().orElseThrow();
    }

    /** How many projections it changes. */
    public int projections() {
        return pairs.size();
    }

    /** Elements of all its matrices. */
    public long parameters() {
        return pairs.values().stream().mapToLong(pair -> pair.a().shape().elements()
                + pair.b().shape().elements()).sum();
    }

    /** Unmaps the files; every matrix becomes invalid. Again it does nothing. */
    @Override
    public void close() {
        closing.run();
    }
}
