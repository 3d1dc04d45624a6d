package dev.millrace.bench.oracle;

import dev.millrace.engine.forward.BlockOperations;
import dev.millrace.engine.forward.BlockOperations.Move;
import dev.millrace.models.ModelSpec;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Keys and values of every layer, in blocks of (positions, KV heads x head size). */
final class NdCache implements AutoCloseable {

    static final int BLOCK_TOKENS = 32;

    private final INDArray[][] keys; // (layer, block)
    private final INDArray[][] values; // (layer, block)

    NdCache(ModelSpec spec, int blocks) {
        keys = empty(spec, blocks);
        values = empty(spec, blocks);
    }

    private static INDArray[][] empty(ModelSpec spec, int blocks) {
        INDArray[][] arrays = new INDArray[spec.layers()][blocks];
        for (INDArray[] layer : arrays) {
            for (int block = 0; block < blocks; block++) {
                layer[block] = Nd4j.zeros(DataType.FLOAT, BLOCK_TOKENS, spec.kvSize());
            }
        }
        return arrays;
    }

    static long blockBytes(ModelSpec spec) {
        return 2L * spec.layers() * BLOCK_TOKENS * spec.kvSize() * Float.BYTES;
    }

    void operate(BlockOperations operations) {
        for (int layer = 0; layer < keys.length; layer++) {
            for (Move move : operations.copy()) {
                keys[layer][move.to()].assign(keys[layer][move.from()]);
                values[layer][move.to()].assign(values[layer][move.from()]);
            }
            for (Move move : operations.zero()) {
                keys[layer][move.to()].assign(0);
                values[layer][move.to()].assign(0);
            }
        }
    }

    /** Stores one position's key and value, each (1, KV heads x head size). */
    void store(int layer, int[] blocks, int position, INDArray key, INDArray value) {
        int block = blocks[position / BLOCK_TOKENS];
        keys[layer][block].putRow(position % BLOCK_TOKENS, key);
        values[layer][block].putRow(position % BLOCK_TOKENS, value);
    }

    /** Keys of positions in {@code [begin, end)}, (positions, KV heads x head size). */
    INDArray keys(int layer, int[] blocks, int begin, int end) {
        return gather(keys[layer], blocks, begin, end);
    }

    /** Values of positions in {@code [begin, end)}, (positions, KV heads x head size). */
    INDArray values(int layer, int[] blocks, int begin, int end) {
        return gather(values[layer], blocks, begin, end);
    }

    /** In order of position wherever the blocks are, so that sums are in that order too. */
    private static INDArray gather(INDArray[] layer, int[] blocks, int begin, int end) {
        INDArray gathered = Nd4j.createUninitialized(DataType.FLOAT, end - begin,
                layer[0].columns());
        for (int position = begin; position < end;) {
            int offset = position % BLOCK_TOKENS;
            int count = Math.min(BLOCK_TOKENS - offset, end - position);
            rows(gathered, position - begin, count)
                    .assign(rows(layer[blocks[position / BLOCK_TOKENS]], offset, count));
            position += count;
        }
        return gathered;
    }

    private static INDArray rows(INDArray array, int first, int count) {
        return array.get(NDArrayIndex.interval(first, first + count), NDArrayIndex.all());
    }

    @Override
    public void close() {
        for (int layer = 0; layer < keys.length; layer++) {
            for (int block = 0; block < keys[layer].length; block++) {
                keys[layer][block].close();
                values[layer][block].close();
            }
        }
    }
}
