package dev.millrace.models;

import java.util.Collections;
import java.util.List;

/**
 * What a decoder-only transformer computes, as data: sizes and switches that a backend's walker
 * reads. Sizes are in elements, never bytes. There is no class per family; a family is a
 * combination of switches, and each switch says which families need it.
 *
 * <pre>
 * h = multipliers.embedding * embedding[token]
 * per layer:  h += multipliers.residual * attention(h)    norms around it as {@link NormSpec} says
 *             h += multipliers.residual * feedForward(h)  likewise
 * logits = cap(multipliers.logit * output * norm(h))
 * </pre>
 *
 * @param architecture   the file's own name for the family, such as {@code llama}
 * @param name           the model's name, for people
 * @param vocabularySize rows of the embedding
 * @param contextTokens  longest sequence the model was made for
 * @param embeddingSize  width of the residual stream
 * @param norm           norms around the branches
 * @param attention      what attention is in every layer
 * @param layerSpecs     transformer blocks, in order
 * @param multipliers    constant factors
 * @param tiedEmbeddings whether the output matrix is the token embedding
 */
public record ModelSpec(String architecture, String name, int vocabularySize, int contextTokens,
        int embeddingSize, NormSpec norm, AttentionSpec attention, List<LayerSpec> layerSpecs,
        MultiplierSpec multipliers, boolean tiedEmbeddings) {

    public ModelSpec {
        layerSpecs = List.copyOf(layerSpecs);
    }

    /** A model as llama is, with layers that are all alike and an output matrix of its own. */
    public static ModelSpec uniform(String architecture, String name, int vocabularySize,
            int contextTokens, int embeddingSize, float normEpsilon, AttentionSpec attention,
            int layers, LayerSpec layer) {
        return new ModelSpec(architecture, name, vocabularySize, contextTokens, embeddingSize,
                new NormSpec(normEpsilon), attention, Collections.nCopies(layers, layer),
                MultiplierSpec.NONE, false);
    }

    public ModelSpec withName(String other) {
        return new ModelSpec(architecture, other, vocabularySize, contextTokens, embeddingSize,
                norm, attention, layerSpecs, multipliers, tiedEmbeddings);
    }

    public ModelSpec withArchitecture(String other) {
        return new ModelSpec(other, name, vocabularySize, contextTokens, embeddingSize, norm,
                attention, layerSpecs, multipliers, tiedEmbeddings);
    }

    public ModelSpec withVocabularySize(int other) {
        return new ModelSpec(architecture, name, other, contextTokens, embeddingSize, norm,
                attention, layerSpecs, multipliers, tiedEmbeddings);
    }

    public ModelSpec withNorm(NormSpec other) {
        return new ModelSpec(architecture, name, vocabularySize, contextTokens, embeddingSize,
                other, attention, layerSpecs, multipliers, tiedEmbeddings);
    }

    public ModelSpec withAttention(AttentionSpec other) {
        return new ModelSpec(architecture, name, vocabularySize, contextTokens, embeddingSize, norm,
                other, layerSpecs, multipliers, tiedEmbeddings);
    }

    public ModelSpec withLayers(List<LayerSpec> other) {
        return new ModelSpec(architecture, name, vocabularySize, contextTokens, embeddingSize, norm,
                attention, other, multipliers, tiedEmbeddings);
    }

    public ModelSpec withMultipliers(MultiplierSpec other) {
        return new ModelSpec(architecture, name, vocabularySize, contextTokens, embeddingSize, norm,
                attention, layerSpecs, other, tiedEmbeddings);
    }

    public ModelSpec withTiedEmbeddings(boolean other) {
        return new ModelSpec(architecture, name, vocabularySize, contextTokens, embeddingSize, norm,
                attention, layerSpecs, multipliers, other);
    }

    /** Transformer blocks. */
    public int layers() {
        return layerSpecs.size();
    }

    public LayerSpec layer(int index) {
        return layerSpecs.get(index);
    }

    /** Query heads. */
    public int heads() {
        return attention.heads();
    }

    /** Key/value heads. */
    public int kvHeads() {
        return attention.kvHeads();
    }

    /** Elements of one head. */
    public int headSize() {
        return attention.headSize();
    }

    /** Query heads that share one KV head. */
    public int groupHeads() {
        return heads() / kvHeads();
    }

    /** Width of all query heads together. */
    public int querySize() {
        return heads() * headSize();
    }

    /** Width of all key (or value) heads together. */
    public int kvSize() {
        return kvHeads() * headSize();
    }

    /**
     * Positions before which no layer looks back, so that no cache need keep them; 0 if some layer
     * looks back all the way.
     */
    public int slidingWindowTokens() {
        int widest = 0;
        for (LayerSpec layer : layerSpecs) {
            if (layer.windowTokens() == 0) {
                return 0;
            }
            widest = Math.max(widest, layer.windowTokens());
        }
        return widest;
    }

    /**
     * Parameters that one token is multiplied by, of so many in all: experts that it does not go to
     * are left out.
     */
    public long activeParameters(long parameters) {
        long idle = 0;
        for (LayerSpec layer : layerSpecs) {
            ExpertSpec experts = layer.feedForward().experts();
            if (experts != null) {
                idle += 3L * (experts.count() - experts.chosen()) * embeddingSize
                        * layer.feedForward().size();
            }
        }
        return parameters - idle;
    }

    /** The widths of dense and shared feed-forward networks, each once. */
    public List<Integer> feedForwardSizes() {
        return layerSpecs.stream().map(LayerSpec::feedForward)
                .map(network -> network.experts() == null
                        ? network.size()
                        : network.experts().sharedSize())
                .filter(size -> size > 0).distinct().toList();
    }

    /** The largest of {@link #feedForwardSizes}; 0 if every layer has experts only. */
    public int widestFeedForward() {
        return feedForwardSizes().stream().mapToInt(Integer::intValue).max().orElse(0);
    }
}
