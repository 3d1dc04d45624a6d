package dev.millrace.models;

import dev.millrace.models.fixtures.GgufWriter;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.models.gguf.GgufTensorType;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

/** Sound files of models that would not run, or not exactly; each refusal says what is wrong. */
class GgufModelRefusalTest {

    @TempDir
    Path folder;

    private static Arguments change(String name, Consumer<GgufWriter> change, String... told) {
        return arguments(name, change, told);
    }

    private static Stream<Arguments> variants() {
        return Stream.of(
                change("another architecture",
                        w -> w.replaceString("general.architecture", "mamba"),
                        "general.architecture is \"mamba\"", "this version runs: llama"),
                change("no architecture", w -> w.remove("general.architecture"),
                        "lacks the metadata key general.architecture"),
                change("experts of whom none is chosen", w -> w.uint32("llama.expert_count", 8),
                        "lacks the metadata key llama.expert_used_count"),
                change("more chosen experts than there are", w -> w
                        .uint32("llama.expert_count", 2).uint32("llama.expert_used_count", 3),
                        "expert_used_count is 3", "the 2 experts"),
                change("an encoder", w -> w.bool("llama.attention.causal", false), "causal",
                        "encoders"),
                change("a factor that nothing applies",
                        w -> w.float32("llama.logit_scale", 0.5f), "llama.logit_scale is 0.5"),
                change("one part of three", w -> w.uint32("split.count", 3), "one of 3 parts"),
                change("an unknown rope scaling", w -> w.string("llama.rope.scaling.type", "ntk"),
                        "llama.rope.scaling.type is \"ntk\"", "\"linear\""),
                change("longrope without divisors",
                        w -> w.string("llama.rope.scaling.type", "longrope"),
                        "lacks the tensor rope_factors_short.weight"),
                change("a scale of zero", w -> w.float32("llama.rope.scaling.factor", 0),
                        "llama.rope.scaling.factor is 0.0", "above 0"),
                change("a scale that is no number",
                        w -> w.float32("llama.rope.scaling.factor", Float.NaN), "is NaN"),
                change("layers that differ in heads", w -> w.remove(
                        "llama.attention.head_count").int32s("llama.attention.head_count", 4, 2),
                        "llama.attention.head_count is an array of 2 INT32", "all alike"));
    }

    private static Stream<Arguments> sizes() {
        return Stream.of(
                change("no context length", w -> w.remove("llama.context_length"),
                        "lacks the metadata key llama.context_length"),
                change("no epsilon", w -> w.remove("llama.attention.layer_norm_rms_epsilon"),
                        "layer_norm_rms_epsilon"),
                change("a size of zero", w -> w.replaceUint32("llama.embedding_length", 0),
                        "llama.embedding_length is 0", "from 1 to 2147483647"),
                change("a size beyond an int", w -> w.replaceUint32("llama.embedding_length",
                        0xffff_ffffL), "is 4294967295"),
                change("a size in words", w -> w.replaceString("llama.embedding_length", "64"),
                        "llama.embedding_length is \"64\"", "an integer"),
                change("more layers than tensors",
                        w -> w.replaceUint32("llama.block_count", 2_000_000_000),
                        "llama.block_count is 2000000000", "number of tensors, 21"),
                change("KV heads that do not divide", w -> w.replaceUint32(
                        "llama.attention.head_count_kv", 3), "head_count_kv is 3",
                        "divisor of the 4"),
                change("heads that do not divide", w -> w.remove("llama.attention.key_length")
                        .replaceUint32("llama.attention.head_count", 6)
                        .replaceUint32("llama.attention.head_count_kv", 6), "head_count is 6",
                        "divisor of the embedding's 64"),
                change("values unlike keys", w -> w.replaceUint32("llama.attention.value_length",
                        8), "value_length is 8", "key heads, 16"),
                change("heads that overflow", w -> w
                        .replaceUint32("llama.attention.key_length", 1 << 30)
                        .replaceUint32("llama.attention.value_length", 1 << 30),
                        "head_count is 4", "at most 1 with heads of 1073741824"),
                change("odd rotary dimensions", w -> w.replaceUint32("llama.rope.dimension_count",
                        7), "dimension_count is 7", "even"),
                change("rotary dimensions beyond the head", w -> w.replaceUint32(
                        "llama.rope.dimension_count", 32), "at most the head size, 16"));
    }

    private static Stream<Arguments> tensors() {
        return Stream.of(
                change("no embedding", w -> w.removeTensor("token_embd.weight"),
                        "lacks the tensor token_embd.weight"),
                change("missing tensors", w -> w.removeTensor("blk.1.ffn_up.weight")
                        .removeTensor("blk.0.attn_norm.weight"),
                        "lacks 2 of the tensors that llama needs: blk.0.attn_norm.weight, "
                                + "blk.1.ffn_up.weight"),
                change("a whole layer missing", w -> w.replaceUint32("llama.block_count", 3),
                        "lacks 9", "blk.2.attn_norm.weight", ", ..."),
                change("a layer too many", w -> w.replaceUint32("llama.block_count", 1),
                        "has 9 tensors that llama with 1 layers does not use",
                        "blk.1.attn_norm.weight"),
                change("one bias of three", w -> w.tensor("blk.0.attn_q.bias",
                        GgufTensorType.F32, new byte[256], 64), "blk.0.attn_k.bias",
                        "blk.1.attn_q.bias"),
                change("a bias that nothing adds", w -> w.tensor("blk.0.ffn_up.bias",
                        GgufTensorType.F32, new byte[512], 128), "blk.0.ffn_up.bias",
                        "variant"),
                change("a transposed matrix", w -> w.replaceTensor("blk.0.ffn_up.weight",
                        GgufTensorType.F32, new byte[4 * 64 * 128], 128, 64),
                        "tensor blk.0.ffn_up.weight is 64 x 128, but the metadata asks for "
                                + "128 x 64"),
                change("another feed-forward size",
                        w -> w.replaceUint32("llama.feed_forward_length", 256), "256 x 64",
                        "128 x 64"),
                change("rope factors of another length", w -> w.tensor("rope_freqs.weight",
                        GgufTensorType.F32, new byte[16], 4), "rope_freqs.weight is 1 x 4",
                        "1 x 8"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource({"variants", "sizes", "tensors"})
    void isRefused(String name, Consumer<GgufWriter> change, String... told) {
        GgufWriter writer = TinyModels.llama().writer();
        change.accept(writer);
        Path path = writer.write(folder.resolve("model.gguf"));
        assertThatThrownBy(() -> Model.open(path)).isInstanceOf(ModelException.class)
                .hasMessageContaining(path.toString()).hasMessageContainingAll(told);
    }
}
